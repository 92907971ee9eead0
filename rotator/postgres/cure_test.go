package postgres_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/postgres"
)

// What a refused login tells to run lets the user in.
func TestLoginErrorHasItsCure(t *testing.T) {
	t.Parallel()
	statement := regexp.MustCompile(`(?:ALTER|GRANT) (?:[^";]|"(?:[^"]|"")*")*;`) // a name may hold a semicolon
	pgtest.Exec(t, server, "CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
	for state, c := range map[string]struct{ database, provoke string }{
		"NOLOGIN":            {"postgres", "ALTER ROLE %s NOLOGIN"},
		"CONNECTION LIMIT 0": {"postgres", "ALTER ROLE %s CONNECTION LIMIT 0"},
		"no CONNECT":         {"closed", "ALTER ROLE %s INHERIT"},
		"CONNECT of a group": {"closed", "CREATE ROLE visitors; GRANT CONNECT ON DATABASE closed TO visitors; ALTER ROLE %[1]s NOINHERIT; GRANT visitors TO %[1]s"},
	} {
		t.Run(state, func(t *testing.T) {
			name := `cured "` + state + `"; \!`
			role := pgx.Identifier{name}.Sanitize()
			pgtest.Exec(t, server, "CREATE ROLE "+role+" LOGIN PASSWORD 'cured'", fmt.Sprintf(c.provoke, role))
			at := target()
			at.Database = c.database
			_, err := opener().Open(t.Context(), at, postgres.Login{User: name, Password: "cured"})
			if err == nil {
				t.Fatal("it logs in")
			}
			cure := statement.FindString(err.Error())
			pgtest.Exec(t, server, cure)
			session, err := opener().Open(t.Context(), at, postgres.Login{User: name, Password: "cured"})
			if err != nil {
				t.Fatalf("after %s: %v", cure, err)
			}
			session.Close(t.Context())
		})
	}
}
