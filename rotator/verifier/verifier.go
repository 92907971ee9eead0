// Package verifier turns a password into what PostgreSQL keeps of it, so that the password itself never travels in SQL.
package verifier

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// saltLength is PostgreSQL's own (src/include/common/scram-common.h).
const saltLength = 16

// ErrNotASCII is returned by New for a password that is empty or holds anything but printable ASCII: drivers normalise other
// characters in different ways (SASLprep, RFC 4013; OpaqueString, RFC 8265), so no one verifier would serve them all.
var ErrNotASCII = errors.New("the password is empty or holds characters other than printable ASCII, which drivers hash differently")

// New makes the verifier of a role's password: SCRAM-SHA-256 in the form of RFC 5803, as PostgreSQL stores it, or md5, which needs
// the role's name.
func New(kind Kind, user, password string) (string, error) {
	if !printableASCII(password) {
		return "", ErrNotASCII
	}
	switch kind.Encryption {
	case scramSHA256:
		salt := make([]byte, saltLength)
		if _, err := rand.Read(salt); err != nil {
			return "", fmt.Errorf("reading random salt: %w", err)
		}
		return scram(password, salt, kind.Iterations)
	case md5Encryption, md5Former:
		return md5Hash(user, password), nil
	}
	return "", fmt.Errorf("the server's password_encryption is %q; expected scram-sha-256 or md5", kind.Encryption)
}

// scram is SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, with the keys of RFC 5802, section 3.
func scram(password string, salt []byte, iterations int) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("deriving SCRAM key: %w", err)
	}
	stored := sha256.Sum256(sign(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(sign(salted, "Server Key"))), nil
}

func sign(key []byte, message string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// md5Hash is "md5" and the hex MD5 of password and role name, PostgreSQL's form before version 10.
func md5Hash(user, password string) string {
	sum := md5.Sum([]byte(password + user))
	return "md5" + hex.EncodeToString(sum[:])
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
