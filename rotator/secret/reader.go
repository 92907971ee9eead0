package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// reader reads the keys of a document and collects their faults.
type reader struct {
	document
	credential string // the password, which no fault may show
	faults     []error
}

func newReader(d document) *reader {
	r := &reader{document: d}
	_ = json.Unmarshal(d.keys["password"], &r.credential) // a password that is no string is password's fault to tell
	return r
}

// connection reads who logs in where.
func (r *reader) connection() Value {
	return Value{
		Engine:             r.engine(),
		Host:               r.host("host"),
		Port:               r.port(),
		Database:           r.nameOr("dbname", DefaultDatabase),
		Username:           r.name("username"),
		Password:           r.password(),
		Plaintext:          r.plaintext(),
		ClusterIdentifier:  r.text("dbClusterIdentifier"),
		InstanceIdentifier: r.text("dbInstanceIdentifier"),
		document:           r.document,
	}
}

// rotated reads what only a secret that is to be rotated has.
func (r *reader) rotated(v *Value) {
	v.MasterARN, v.MasterIAM = r.text("masterarn"), r.name("masteriam")
	v.Usernames, v.Role = r.usernames(), r.name("role")
	v.Mirrors, v.ProxyHost = r.mirrors(), r.host("proxyhost")
}

// fault is about a key's value and where it stands.
func (r *reader) fault(key, format string, args ...any) {
	told := fmt.Sprintf(format, args...)
	r.faults = append(r.faults, fmt.Errorf("the secret's key %q %s (%s)", key, told, position(r.document.text, r.at[key])))
}

// require reports keys that are missing, and which one was perhaps meant: keys are taken letter by letter.
func (r *reader) require(keys ...string) {
	for _, key := range keys {
		if r.filled(key) {
			continue
		}
		meant := ""
		for other := range r.keys {
			if other != key && strings.EqualFold(strings.TrimSpace(other), key) {
				meant = fmt.Sprintf("; is it the one spelt %q?", other)
			}
		}
		r.faults = append(r.faults, fmt.Errorf("the secret's key %q is missing or empty%s", key, meant))
	}
}

// given reports a key that is there and not null.
func (r *reader) given(key string) (json.RawMessage, bool) {
	raw, ok := r.keys[key]
	return raw, ok && string(raw) != "null"
}

// filled reports a key that is given and not an empty string.
func (r *reader) filled(key string) bool {
	raw, ok := r.given(key)
	return ok && string(raw) != `""`
}

func (r *reader) engine() string {
	engine := r.text("engine")
	if engine != "" && engine != "postgres" && engine != "aurora-postgresql" {
		r.fault("engine", "is %s; expected postgres or aurora-postgresql", r.shown(engine))
	}
	return engine
}

// password reads what may hold any character, also blanks around it.
func (r *reader) password() string {
	s, err := textOf(r.keys["password"])
	if err != nil {
		r.fault("password", "%v", err)
	}
	return s
}

// text reads a word: blanks and line ends around it come from pasting, and every client makes something else of them.
func (r *reader) text(key string) string { return r.trimmed(key, r.shown) }

func (r *reader) trimmed(key string, shown func(string) string) string {
	s, err := textOf(r.keys[key])
	if err != nil {
		r.fault(key, "%v", err)
		return ""
	}
	if strings.TrimFunc(s, invisible) != s {
		r.fault(key, "is %s, with blanks, line ends or invisible characters around it: take them out", shown(s))
	}
	return s
}

// textOf is "" for a key that is missing or null.
func textOf(raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return "", nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", errors.New("is not a string")
	}
	if strings.ContainsRune(s, 0) {
		return "", errors.New("holds a NUL character")
	}
	return s, nil
}

// invisible characters are blanks, line ends, and what only directs the writing, such as U+200B and U+FEFF.
func invisible(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// shown is a value quoted for a fault, but for one that may hold a password: a connection string or the password itself.
func (r *reader) shown(s string) string {
	if r.held(s) || strings.ContainsAny(s, "@=") || strings.Contains(strings.ToLower(s), "password") {
		return hidden(s)
	}
	return strconv.Quote(s)
}

func hidden(s string) string {
	return fmt.Sprintf("a text of %d bytes, not shown since it may hold a password", len(s))
}

// shownName is shown for a name, which may well hold @ or the word: a connection string or a document in its place has one of these.
func (r *reader) shownName(s string) string {
	if r.held(s) || strings.ContainsAny(s, `=:/{"`) {
		return hidden(s)
	}
	return strconv.Quote(s)
}

// byChance is the length of a password up to which it stands in many a text that does not mean it.
const byChance = 3

func (r *reader) held(s string) bool {
	if len(r.credential) <= byChance {
		return r.credential != "" && s == r.credential
	}
	return strings.Contains(s, r.credential)
}

// name reads a role's or a database's name: PostgreSQL silently cuts a longer one at 63 bytes, which may name somebody else.
func (r *reader) name(key string) string {
	s := r.trimmed(key, r.shownName)
	if len(s) > MaxNameBytes {
		r.fault(key, "is %d bytes long; PostgreSQL's names end at %d", len(s), MaxNameBytes)
	}
	return s
}

func (r *reader) nameOr(key, otherwise string) string {
	if s := r.name(key); s != "" {
		return s
	}
	return otherwise
}

func (r *reader) host(key string) string {
	s := r.text(key)
	if s == "" || strings.TrimFunc(s, invisible) != s {
		return s
	}
	if fault := hostFault(s); fault != "" {
		r.fault(key, "is %s: it %s", r.shown(s), fault)
	}
	return s
}

// unwrapped is a key's value, or the JSON text in it where it is a string: the console writes every value so. ok is false where
// there is none.
func (r *reader) unwrapped(key string) (text string, ok bool) {
	raw, ok := r.given(key)
	if !ok {
		return "", false
	}
	var inner string
	if json.Unmarshal(raw, &inner) == nil {
		return inner, true
	}
	return string(raw), true
}

// port accepts a number or its digits as a string, as AWS's functions do.
func (r *reader) port() uint16 {
	text, ok := r.unwrapped("port")
	if !ok || text == "" {
		return DefaultPort
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		r.fault("port", "is %s; expected a number from 1 to 65535, without blanks", r.shown(text))
	}
	return uint16(port)
}

// plaintext accepts true and false, and their names as a string, as AWS's functions do.
func (r *reader) plaintext() bool {
	text, ok := r.unwrapped("ssl")
	if !ok || text == "" {
		return false
	}
	switch strings.ToLower(text) {
	case "true":
		return false
	case "false":
		return true
	}
	r.fault("ssl", "is %s; expected true or false", r.shown(text))
	return false
}

// usernames reads the pair, or the one user of the single-user strategy.
func (r *reader) usernames() []string {
	text, ok := r.unwrapped("usernames")
	if !ok {
		return nil
	}
	var names []string
	if json.Unmarshal([]byte(text), &names) != nil || len(names) == 0 || len(names) > 2 || len(names) == 2 && names[0] == names[1] {
		r.fault("usernames", `is %s; expected a list of two different names, or of one for a single user`, r.shown(text))
		return nil
	}
	for _, name := range names {
		if !r.admitName("usernames", name) {
			return nil
		}
	}
	return names
}

// admitName looks at a name in the list or the object of a key.
func (r *reader) admitName(key, name string) bool {
	if name == "" || len(name) > MaxNameBytes || strings.ContainsRune(name, 0) || strings.TrimFunc(name, invisible) != name {
		r.fault(key, "holds the name %s; a name has 1 to %d bytes, no NUL character and no blanks around it", r.shownName(name), MaxNameBytes)
		return false
	}
	return true
}

func (r *reader) mirrors() map[string]string {
	text, ok := r.unwrapped("mirrors")
	if !ok || text == "" {
		return nil
	}
	var mirrors map[string]string
	if json.Unmarshal([]byte(text), &mirrors) != nil || len(mirrors) == 0 {
		r.fault("mirrors", `is %s; expected an object with the ARN of a secret for each user`, r.shown(text))
		return nil
	}
	for user, arn := range mirrors {
		if r.admitName("mirrors", user) && (!strings.HasPrefix(arn, "arn:") || strings.TrimFunc(arn, invisible) != arn) {
			r.fault("mirrors", "gives user %q %s; expected the ARN of a secret", user, r.shown(arn))
		}
	}
	return mirrors
}
