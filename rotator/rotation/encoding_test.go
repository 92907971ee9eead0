package rotation_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localtest"
)

// The secret's database may have any encoding: setup, rotation and check send nothing that it has not. The pair may have any name that it
// has, as the database stores it: a client of that encoding sends these bytes when it logs in.
func TestEncodings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ encoding, name, sent string }{
		{"LATIN1", "", ""}, {"WIN1252", "", ""}, {"SQL_ASCII", "", ""}, {"UTF8", "", ""},
		{"LATIN1", "jos\u00e9", "jos\xe9"}, {"WIN1252", "m\u00fcller\u20ac", "m\xfcller\x80"}, {"SQL_ASCII", "jos\u00e9", "jos\u00e9"}, {"UTF8", "\u017c\u00f3\u0142w", "\u017c\u00f3\u0142w"},
	} {
		t.Run(c.encoding+" "+c.name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.CreateMaster()
			s.Database = "encoded" + s.Shared
			s.SQLAs(server.URL(s.Master, localtest.PasswordMaster, "postgres"),
				fmt.Sprintf("CREATE DATABASE %s ENCODING '%s' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0", s.Database, c.encoding))
			arn := s.PutMaster("encoded", s.Master)
			plain := s.Shared
			s.Shared, s.A, s.B = plain+c.name, plain+c.name+"_a", plain+c.name+"_b"
			s.CreateSecret(map[string]any{"masterarn": arn})
			s.MustSetup()
			for range 3 {
				before := s.Credential("AWSCURRENT")
				mustRotate(t, s)
				for stage, user := range map[string]string{"AWSPREVIOUS": before.Username, "AWSCURRENT": other(s, before.Username)} {
					credential := s.Credential(stage)
					if credential.Username != user {
						t.Errorf("%s is for %q, want %q", stage, credential.Username, user)
					}
					credential.Username = plain + c.sent + strings.TrimPrefix(user, s.Shared)
					if became, err := s.Login(credential); err != nil || became != plain+c.sent && became != s.Shared {
						t.Errorf("%s logs in and is %q: %v", stage, became, err)
					}
				}
			}
			answer, err := s.Invoke(map[string]any{"action": "check", "secretId": s.SecretID, "for": "rotation"})
			if err != nil || !strings.HasPrefix(answer, `{"ok":true`) {
				t.Errorf("check: %s, error %v", answer, err)
			}
		})
	}
}

// other is the other one of the scene's pair.
func other(s *localtest.Scene, user string) string {
	if user == s.A {
		return s.B
	}
	return s.A
}
