// Package secret reads and writes the rotated secret: its value (a JSON object whose unknown keys are kept) and its versions
// under the staging labels AWSCURRENT, AWSPENDING and AWSPREVIOUS.
package secret

import (
	"errors"
	"maps"
	"slices"
)

// Defaults of the keys a secret may leave out, as AWS's own rotation functions have them.
const (
	DefaultPort     = 5432
	DefaultDatabase = "postgres"
)

// Value is one version of a database secret, in the JSON shape that AWS documents for RDS secrets
// (Secrets Manager User Guide, "JSON structure of secrets"), with keys of our own: usernames, role, masteriam, mirrors and proxyhost.
type Value struct {
	Engine    string // postgres or aurora-postgresql
	Host      string // a name or an address
	Port      uint16
	Database  string // the key is dbname
	Username  string
	Password  string
	Plaintext bool // "ssl": false; everything else means TLS with the server's name verified
	MasterARN string
	MasterIAM string // in place of MasterARN: the user that does what the master does and logs in by IAM token; or ""

	ClusterIdentifier  string // dbClusterIdentifier
	InstanceIdentifier string // dbInstanceIdentifier

	Usernames []string // the pair, where the names are not X_a and X_b, or the one user of the single-user strategy; else nil
	Role      string   // the shared role, where the secret names it; else ""

	Mirrors   map[string]string // the secrets that an RDS Proxy reads, by the user that each is for; or nil
	ProxyHost string            // that proxy's endpoint, exactly where there are mirrors; else ""

	document document
}

// Parse reads the value of a secret that is to be rotated and reports every fault at once, each with the place where it stands.
// A fault shows the value that it is about, never the password, and nothing that may hold one.
func Parse(text string) (Value, error) {
	d, err := readDocument(text)
	if err != nil {
		return Value{}, err
	}
	r := newReader(d)
	v := r.connection()
	r.require("engine", "host", "username", "password")
	r.rotated(&v)
	r.admitTogether(v)
	return v, errors.Join(r.faults...)
}

// ParseMaster reads the secret of the master user. One that RDS manages holds only username and password: then Host is "".
func ParseMaster(text string) (Value, error) {
	d, err := readDocument(text)
	if err != nil {
		return Value{}, err
	}
	r := newReader(d)
	v := r.connection()
	r.require("username", "password")
	return v, errors.Join(r.faults...)
}

// ParseMirror reads a secret that an RDS Proxy reads, of which username and password count. One without a password yet, as the
// proxy's owner may have made it, has "".
func ParseMirror(text string) (Value, error) {
	d, err := readDocument(text)
	if err != nil {
		return Value{}, err
	}
	r := newReader(d)
	v := Value{Username: r.name("username"), Password: r.password(), document: d}
	r.require("username")
	return v, errors.Join(r.faults...)
}

// WithCredential is the secret's text with another username and password and every other key as it was.
func (v Value) WithCredential(username, password string) (string, error) {
	keys := make(map[string]any, len(v.document.keys))
	for key, raw := range v.document.keys {
		keys[key] = raw
	}
	keys["username"], keys["password"] = username, password
	return v.document.write(keys)
}

// HasMaster reports that the secret names a master, by masterarn or masteriam.
func (v Value) HasMaster() bool {
	return v.MasterARN != "" || v.MasterIAM != ""
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
	note("masteriam", v.MasterIAM == other.MasterIAM)
	note("usernames", slices.Equal(v.Usernames, other.Usernames))
	note("role", v.Role == other.Role)
	note("mirrors", maps.Equal(v.Mirrors, other.Mirrors))
	note("proxyhost", v.ProxyHost == other.ProxyHost)
	return keys
}
