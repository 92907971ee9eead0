// Package secret reads and writes the rotated secret: its value (a JSON object whose unknown keys are kept) and its versions
// under the staging labels AWSCURRENT, AWSPENDING and AWSPREVIOUS.
package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Defaults of the keys a secret may leave out, as AWS's own rotation functions have them.
const (
	DefaultPort     = 5432
	DefaultDatabase = "postgres"
)

// Value is one version of a database secret, in the JSON shape that AWS documents for RDS secrets
// (Secrets Manager User Guide, "JSON structure of secrets"), with two keys of our own: usernames and role.
type Value struct {
	Engine    string // postgres or aurora-postgresql
	Host      string
	Port      uint16
	Database  string // the key is dbname
	Username  string
	Password  string
	Plaintext bool // "ssl": false; everything else means TLS with the server's name verified
	MasterARN string

	ClusterIdentifier  string // dbClusterIdentifier
	InstanceIdentifier string // dbInstanceIdentifier

	Usernames []string // the pair, where the names are not X_a and X_b; else nil
	Role      string   // the shared role, where the secret names it; else ""

	keys map[string]json.RawMessage
}

// Parse reads the value of a secret that is to be rotated and reports every fault at once. No error holds the secret's text.
func Parse(text string) (Value, error) {
	keys, err := object(text)
	if err != nil {
		return Value{}, err
	}
	r := reader{keys: keys}
	v := r.value()
	r.require("engine", "host", "username", "password")
	r.engine(v.Engine)
	if err := errors.Join(r.faults...); err != nil {
		return Value{}, err
	}
	return v, nil
}

// ParseMaster reads the secret of the master user. One that RDS manages holds only username and password: then Host is "".
func ParseMaster(text string) (Value, error) {
	keys, err := object(text)
	if err != nil {
		return Value{}, err
	}
	r := reader{keys: keys}
	v := r.value()
	r.require("username", "password")
	if v.Engine != "" {
		r.engine(v.Engine)
	}
	if err := errors.Join(r.faults...); err != nil {
		return Value{}, err
	}
	return v, nil
}

// WithCredential is the secret's text with another username and password and every other key as it was.
func (v Value) WithCredential(username, password string) (string, error) {
	keys := make(map[string]any, len(v.keys))
	for key, raw := range v.keys {
		keys[key] = raw
	}
	keys["username"], keys["password"] = username, password
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(keys); err != nil {
		return "", errors.New("encoding the pending value: the secret holds a key that cannot be written back")
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

// DifferingKeys names the keys that decide the connection or the pair and differ between two versions.
func (v Value) DifferingKeys(other Value) []string {
	var keys []string
	note := func(key string, same bool) {
		if !same {
			keys = append(keys, key)
		}
	}
	note("engine", v.Engine == other.Engine)
	note("host", v.Host == other.Host)
	note("port", v.Port == other.Port)
	note("dbname", v.Database == other.Database)
	note("ssl", v.Plaintext == other.Plaintext)
	note("masterarn", v.MasterARN == other.MasterARN)
	note("usernames", slices.Equal(v.Usernames, other.Usernames))
	note("role", v.Role == other.Role)
	return keys
}

// object decodes the text without ever quoting it: encoding/json's own messages can show pieces of the input.
func object(text string) (map[string]json.RawMessage, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &keys); err != nil || keys == nil {
		return nil, errors.New("the secret's value is not a JSON object; expected one with engine, host, username and password")
	}
	return keys, nil
}

// reader collects the faults of a secret's keys while reading them.
type reader struct {
	keys   map[string]json.RawMessage
	faults []error
}

func (r *reader) value() Value {
	return Value{
		Engine:             r.text("engine"),
		Host:               r.text("host"),
		Port:               r.port(),
		Database:           r.textOr("dbname", DefaultDatabase),
		Username:           r.name("username"),
		Password:           r.text("password"),
		Plaintext:          r.plaintext(),
		MasterARN:          r.text("masterarn"),
		ClusterIdentifier:  r.text("dbClusterIdentifier"),
		InstanceIdentifier: r.text("dbInstanceIdentifier"),
		Usernames:          r.usernames(),
		Role:               r.name("role"),
		keys:               r.keys,
	}
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(format, args...))
}

func (r *reader) require(keys ...string) {
	for _, key := range keys {
		raw, ok := r.keys[key]
		if !ok || string(raw) == "null" || string(raw) == `""` {
			r.fault("the secret's key %q is missing or empty", key)
		}
	}
}

func (r *reader) engine(engine string) {
	if engine != "" && engine != "postgres" && engine != "aurora-postgresql" {
		r.fault("the secret's engine is %q; expected postgres or aurora-postgresql", engine)
	}
}

// given reports a key that is there and not null.
func (r *reader) given(key string) (json.RawMessage, bool) {
	raw, ok := r.keys[key]
	return raw, ok && string(raw) != "null"
}

func (r *reader) text(key string) string {
	raw, ok := r.given(key)
	if !ok {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		r.fault("the secret's key %q is not a string", key)
		return ""
	}
	if strings.ContainsRune(s, 0) {
		r.fault("the secret's key %q holds a NUL character", key)
		return ""
	}
	return s
}

func (r *reader) textOr(key, otherwise string) string {
	if s := r.text(key); s != "" {
		return s
	}
	return otherwise
}

// name reads a role's name: PostgreSQL silently cuts a longer one at 63 bytes, which may name somebody else.
func (r *reader) name(key string) string {
	s := r.text(key)
	if len(s) > MaxNameBytes {
		r.fault("the secret's key %q is %d bytes long; PostgreSQL's names end at %d", key, len(s), MaxNameBytes)
	}
	return s
}

// port accepts a number or its digits as a string, as AWS's functions do.
func (r *reader) port() uint16 {
	raw, ok := r.given("port")
	if !ok {
		return DefaultPort
	}
	port, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 16)
	if err != nil || port == 0 {
		r.fault("the secret's key \"port\" is not a port number from 1 to 65535")
	}
	return uint16(port)
}

// plaintext accepts true and false, and their names as a string, as AWS's functions do.
func (r *reader) plaintext() bool {
	raw, ok := r.given("ssl")
	if !ok {
		return false
	}
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "true":
		return false
	case "false":
		return true
	}
	r.fault("the secret's key \"ssl\" is neither true nor false")
	return false
}

func (r *reader) usernames() []string {
	raw, ok := r.given("usernames")
	if !ok {
		return nil
	}
	var names []string
	if json.Unmarshal(raw, &names) != nil || len(names) != 2 || names[0] == names[1] {
		r.fault("the secret's key \"usernames\" is not a list of two different names")
		return nil
	}
	for _, name := range names {
		if name == "" || len(name) > MaxNameBytes || strings.ContainsRune(name, 0) {
			r.fault("the secret's key \"usernames\" holds a name that is empty, longer than %d bytes or has a NUL character", MaxNameBytes)
			return nil
		}
	}
	return names
}
