package verifier

import (
	"encoding/base64"
	"testing"
)

// The keys of RFC 7677, section 3 (user "user", password "pencil"), as PostgreSQL would store them.
func TestScramOfRFC7677(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	got, err := scram("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	want := "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The hex part is what coreutils' md5sum says of "secretjoe": the password, then the role's name.
func TestMD5(t *testing.T) {
	if got, want := md5Hash("joe", "secret"), "md5c59ec932d911ffdf487595b5a2adf973"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct{ encryption, password string }{
		"empty":                {"scram-sha-256", ""},
		"non-ASCII":            {"scram-sha-256", "pässword"},
		"control character":    {"md5", "a\nb"},
		"unknown encryption":   {"plain", "pencil"},
		"encryption not given": {"", "pencil"},
	} {
		t.Run(name, func(t *testing.T) {
			if v, err := New(Kind{Encryption: c.encryption, Iterations: 4096}, "u", c.password); err == nil {
				t.Errorf("made %q", v)
			}
		})
	}
}

func TestNewSaltsEachTime(t *testing.T) {
	a, errA := New(Default, "u", "pencil")
	b, errB := New(Default, "u", "pencil")
	if errA != nil || errB != nil || a == b {
		t.Errorf("two verifiers of one password: %v %v, same=%v", errA, errB, a == b)
	}
}
