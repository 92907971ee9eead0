package rotation_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// stored is the beginning of what PostgreSQL keeps of a user's password: the kind and, of SCRAM, the iterations.
func stored(s *localtest.Scene, user string) string {
	var kept string
	s.Ask("SELECT rolpassword FROM pg_authid WHERE rolname = $1", []any{user}, &kept)
	kind, _, _ := strings.Cut(kept, ":")
	if strings.HasPrefix(kind, "md5") {
		return "md5"
	}
	return kind
}

// The application's role and the database's owner may choose how the server hashes for them; a verifier is not theirs to weaken.
func TestRoleDoesNotWeakenItsVerifier(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"the role":                  "ALTER ROLE USER SET password_encryption = 'md5'",
		"the role in this database": "ALTER ROLE USER IN DATABASE DATABASENAME SET password_encryption = 'md5'",
		"the database":              "ALTER DATABASE DATABASENAME SET password_encryption = 'md5'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
			s.MustSetup()
			for _, user := range []string{s.A, s.B} {
				s.SQL(strings.NewReplacer("USER", user, "DATABASENAME", s.Database).Replace(statement))
			}
			rotateAndCheck(t, s, 2)
			for _, user := range []string{s.A, s.B} {
				if kind := stored(s, user); kind != "SCRAM-SHA-256$4096" {
					t.Errorf("%s is kept as %s", user, kind)
				}
			}
		})
	}
}

// What the DBA chose for the server is what the server would make.
func TestServerDecidesTheIterations(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		if pg.Major() < 16 {
			t.Skip("scram_iterations is of PostgreSQL 16")
		}
		own := options
		own.Major, own.Settings = pg.Major(), map[string]string{"scram_iterations": "10000"}
		s := localtest.New(t, pgtest.Start(t, own), nil)
		s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
		s.MustSetup()
		rotateAndCheck(t, s, 2)
		for _, user := range []string{s.A, s.B} {
			if kind := stored(s, user); kind != "SCRAM-SHA-256$10000" {
				t.Errorf("%s is kept as %s", user, kind)
			}
		}
		s.SQL(fmt.Sprintf("ALTER ROLE %s SET scram_iterations = 20000", s.A), fmt.Sprintf("ALTER ROLE %s SET scram_iterations = 1", s.B))
		rotateAndCheck(t, s, 2)
		for _, user := range []string{s.A, s.B} {
			if kind := stored(s, user); kind != "SCRAM-SHA-256$4096" {
				t.Errorf("%s, which chose itself, is kept as %s", user, kind)
			}
		}
	})
}
