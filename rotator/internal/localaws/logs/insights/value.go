package insights

import (
	"regexp"
	"strconv"
	"time"
)

// kind is the type of a value.
type kind uint8

const (
	absent kind = iota // the record has no such field
	text
	number
	moment // a time, as number in ms since 1970
	truth
)

// value is what an expression yields.
type value struct {
	kind   kind
	text   string
	number float64
	truth  certainty
}

// certainty is a truth value. Comparing an absent field is documented for what it does not find only: such a comparison is not
// met, and what its negation is stays open.
type certainty uint8

const (
	no certainty = iota
	yes
	unmet // not met, for want of a field
	open  // not documented
)

func ofText(s string) value     { return value{kind: text, text: s} }
func ofNumber(n float64) value  { return value{kind: number, number: n} }
func ofMoment(ms int64) value   { return value{kind: moment, number: float64(ms)} }
func ofTruth(c certainty) value { return value{kind: truth, truth: c} }
func ofBool(b bool) value {
	if b {
		return ofTruth(yes)
	}
	return ofTruth(no)
}

// String is the value as a result shows it.
func (v value) String() string {
	switch v.kind {
	case text:
		return v.text
	case number:
		return strconv.FormatFloat(v.number, 'f', -1, 64)
	case moment:
		return time.UnixMilli(int64(v.number)).UTC().Format("2006-01-02 15:04:05.000")
	case truth:
		return strconv.Itoa(int(v.truth))
	}
	return ""
}

var numeralPattern = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]+)?$`)

// asNumber takes numbers, and texts that are plain ones: what parse makes is text.
func (v value) asNumber() (float64, error) {
	switch {
	case v.kind == number:
		return v.number, nil
	case v.kind == text && numeralPattern.MatchString(v.text):
		return strconv.ParseFloat(v.text, 64)
	}
	return 0, UndocumentedError("taking " + v.describe() + " for a number")
}

func (v value) asText() (string, error) {
	if v.kind == text || v.kind == number {
		return v.String(), nil
	}
	return "", UndocumentedError("taking " + v.describe() + " for a text")
}

func (v value) asTruth() (certainty, error) {
	if v.kind == truth {
		return v.truth, nil
	}
	return no, UndocumentedError("taking " + v.describe() + " for true or false")
}

// describe names the value for an error.
func (v value) describe() string {
	switch v.kind {
	case absent:
		return "an absent field"
	case text:
		return "the text " + strconv.Quote(v.text[:min(len(v.text), 100)])
	case moment:
		return "the time " + v.String()
	case truth:
		return "true or false"
	}
	return "the number " + v.String()
}

func (c certainty) and(other certainty) certainty {
	switch {
	case c == no || other == no:
		return no
	case c == open || other == open:
		return open
	case c == unmet || other == unmet:
		return unmet
	}
	return yes
}

func (c certainty) or(other certainty) certainty {
	switch {
	case c == yes || other == yes:
		return yes
	case c == open || other == open:
		return open
	case c == unmet || other == unmet:
		return unmet
	}
	return no
}

func (c certainty) not() certainty {
	return [...]certainty{no: yes, yes: no, unmet: open, open: open}[c]
}
