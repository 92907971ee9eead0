package setup_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// verifier is RFC 7677's, as PostgreSQL stores it.
const verifier = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

// What the functions take and whom they serve: they run with CREATEROLE, and whoever is the shared role may call them.
func functionsRefuse(t *testing.T, pg *localpg.Server) {
	s := newScene(t, pg, nil)
	s.MustSetupFor(role.ForSweep)
	stranger := s.Shared + "stranger"
	s.SQL("CREATE ROLE "+stranger+" LOGIN", fmt.Sprintf("GRANT %s TO %s", s.Shared, stranger))
	schema := "rotation_" + s.Shared
	before := s.Verifiers()
	conn := pgtest.Connect(t, pg.URL(s.A, localtest.PasswordA, s.Database))
	for name, arguments := range map[string][]any{
		"plaintext":                  {"a password", "infinity"},
		"half a verifier":            {"SCRAM-SHA-256$nonsense", "infinity"},
		"verifier with a tail":       {verifier + "x", "infinity"},
		"verifier on two lines":      {verifier + "\n", "infinity"},
		"too few iterations":         {strings.Replace(verifier, "4096", "4095", 1), "infinity"},
		"too many iterations":        {strings.Replace(verifier, "4096", "600001", 1), "infinity"},
		"iterations without end":     {strings.Replace(verifier, "4096", "999999999", 1), "infinity"},
		"padded iterations":          {strings.Replace(verifier, "4096", "04096", 1), "infinity"},
		"half an md5 hash":           {"md5abc", "infinity"},
		"upper case md5 hash":        {"md5" + strings.Repeat("A", 32), "infinity"},
		"nothing":                    {nil, "infinity"},
		"no end of its validity":     {verifier, nil},
		"statement in place of time": {verifier, "infinity'; DROP ROLE postgres; --"},
	} {
		if _, err := conn.Exec(t.Context(), "SELECT "+schema+".set_other_user($1::text, $2::text::timestamptz)", arguments...); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	s.SQL("CREATE ROLE rds"+s.Shared+" LOGIN", "CREATE ROLE rotation_other"+s.Shared+" NOLOGIN")
	for _, target := range []string{s.A, s.B, s.Shared, s.Master, schema, "postgres", "rds_superuser", "pg_monitor", "rds" + s.Shared, "rotation_other" + s.Shared} {
		for _, function := range []string{"lock_role", "unlock_role", "drop_role"} {
			_, err := conn.Exec(t.Context(), "SELECT "+schema+"."+function+"($1)", target)
			if err == nil || !strings.Contains(err.Error(), "is not one that the sweep may close (SQLSTATE 42501)") {
				t.Errorf("%s(%s): %v", function, target, err)
			}
		}
	}
	refuseStranger(t, s, schema, stranger)
	if after := s.Verifiers(); after != before {
		t.Errorf("the roles were\n%s\nand are\n%s", before, after)
	}
}

// refuseStranger: a session that became the shared role, and did not log in as one of the pair, sets nobody.
func refuseStranger(t *testing.T, s *localtest.Scene, schema, stranger string) {
	t.Helper()
	s.SQL("ALTER ROLE " + stranger + " PASSWORD 'stranger'")
	conn := pgtest.Connect(t, s.PG.URL(stranger, "stranger", s.Database))
	_, err := conn.Exec(t.Context(), fmt.Sprintf("SET ROLE %s; SELECT %s.set_other_user('md5%s', 'infinity')", s.Shared, schema, strings.Repeat("0", 32)),
		pgx.QueryExecModeSimpleProtocol)
	if err == nil || !strings.Contains(err.Error(), "only the two users of the pair set each other") {
		t.Errorf("a member of the shared role: %v", err)
	}
}
