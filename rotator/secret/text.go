package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// document is a secret's text taken apart.
type document struct {
	text    string                     // the object's own text: of a text that was encoded twice, the inner one
	encoded bool                       // the secret holds that text as a JSON string, and so do its clients read it
	keys    map[string]json.RawMessage // each key's value as it stands in text
	at      map[string]int             // where in text each key's value begins, in bytes
}

const byteOrderMark = "\ufeff"

// readDocument decodes a text without ever quoting it: encoding/json's own messages can show pieces of the input. A byte order
// mark, a comma after the last member and an object that was encoded twice have one meaning each, and are read.
func readDocument(text string) (document, error) {
	d := document{text: strings.TrimPrefix(text, byteOrderMark)}
	var inner string
	if json.Unmarshal([]byte(d.text), &inner) == nil && strings.HasPrefix(strings.TrimSpace(d.text), `"`) {
		d.text, d.encoded = strings.TrimPrefix(inner, byteOrderMark), true
	}
	d.text = withoutTrailingCommas(d.text)
	if err := admitSyntax(d.text); err != nil {
		return document{}, err
	}
	return d, d.readMembers()
}

// write is the text of an object, in the form that the secret had.
func (d document) write(keys map[string]any) (string, error) {
	text, err := encode(keys)
	if err != nil || !d.encoded {
		return text, err
	}
	return encode(text)
}

func encode(value any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", errors.New("encoding the pending value: the secret holds a key that cannot be written back")
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

// admitSyntax accepts the text of one JSON object.
func admitSyntax(text string) error {
	const expected = "the secret's value is not a JSON object; expected one with engine, host, username and password"
	var keys map[string]json.RawMessage
	err := json.Unmarshal([]byte(text), &keys)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(text)):
		return fmt.Errorf("%s: the text breaks off at %s", expected, position(text, len(text)))
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: the character at %s cannot stand there", expected, position(text, int(syntax.Offset)-1))
	case err != nil || keys == nil:
		return errors.New(expected)
	}
	return nil
}

// readMembers refuses a key that stands twice with two values: PostgreSQL's clients do not agree on which of them counts.
func (d *document) readMembers() error {
	d.keys, d.at = map[string]json.RawMessage{}, map[string]int{}
	var faults []error
	decoder := json.NewDecoder(strings.NewReader(d.text))
	for _, err := decoder.Token(); err == nil && decoder.More(); {
		key, raw, err := readMember(decoder)
		if err != nil {
			return errors.New("the secret's value is not a JSON object")
		}
		at := int(decoder.InputOffset()) - len(raw)
		if earlier, twice := d.keys[key]; twice && !bytes.Equal(earlier, raw) {
			faults = append(faults, fmt.Errorf("the secret's key %q stands twice with different values (%s and %s): take one out",
				key, position(d.text, d.at[key]), position(d.text, at)))
		}
		d.keys[key], d.at[key] = raw, at
	}
	return errors.Join(faults...)
}

func readMember(decoder *json.Decoder) (key string, raw json.RawMessage, err error) {
	token, err := decoder.Token()
	if err != nil {
		return "", nil, err
	}
	key, _ = token.(string)
	return key, raw, decoder.Decode(&raw)
}

// position tells where in a text a byte is, as editors count: the lines, and the characters of each, from 1 on.
func position(text string, offset int) string {
	before := text[:min(max(offset, 0), len(text))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// withoutTrailingCommas puts a blank where a comma follows the last member of an object or a list. The text keeps its length, so
// that positions in it stay true.
func withoutTrailingCommas(text string) string {
	out := []byte(text)
	comma := -1       // the comma that nothing but blanks has followed yet
	before := byte(0) // the last character that is no blank
	for i, quoted := 0, false; i < len(out); i++ {
		c := out[i]
		switch {
		case quoted && c == '\\':
			i++
			continue
		case c == '"':
			quoted = !quoted
		case quoted || strings.IndexByte(" \t\r\n", c) >= 0:
			continue
		}
		if (c == '}' || c == ']') && comma >= 0 {
			out[comma] = ' '
		}
		comma = -1
		if c == ',' && !quoted && strings.IndexByte("{[,:", before) < 0 {
			comma = i
		}
		before = c
	}
	return string(out)
}
