package rotation_test

import (
	"fmt"
	"testing"

	"pgrotator/rotator/internal/localtest"
)

// The secret's database may have any encoding: setup, rotation and check send nothing that it has not.
func TestEncodings(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"LATIN1", "WIN1252", "SQL_ASCII", "UTF8"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.CreateMaster()
			s.Database = "encoded" + s.Shared
			s.SQLAs(server.URL(s.Master, localtest.PasswordMaster, "postgres"),
				fmt.Sprintf("CREATE DATABASE %s ENCODING '%s' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0", s.Database, encoding))
			arn := s.PutMaster("encoded", s.Master)
			s.CreateSecret(map[string]any{"masterarn": arn})
			s.MustSetup()
			rotateAndCheck(t, s, 2)
			if _, err := s.Invoke(map[string]any{"action": "check", "secretId": s.SecretID}); err != nil {
				t.Error(err)
			}
		})
	}
}
