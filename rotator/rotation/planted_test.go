package rotation_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// planted is a function of the right name that shows when it is called. %s is its schema.
const planted = `CREATE FUNCTION %s.set_other_user(verifier text, valid_until timestamptz) RETURNS text LANGUAGE plpgsql %s
	AS $$ BEGIN RAISE 'the planted function was called'; END $$`

// Each plants a function that looks like that of setup, and spoils one of the signs by which it is found.
var plants = map[string]struct {
	after16 bool // the sign exists from PostgreSQL 16 on
	sql     func(s *localtest.Scene, schema, planter string) []string
}{
	"in a schema of another role": {sql: func(s *localtest.Scene, schema, planter string) []string {
		return []string{
			fmt.Sprintf("ALTER SCHEMA %s RENAME TO %[1]s_gone", schema),
			fmt.Sprintf("CREATE SCHEMA %s AUTHORIZATION %s", schema, planter),
			fmt.Sprintf("COMMENT ON ROLE %s IS %s", planter, record(s)),
			fmt.Sprintf(planted, schema, "SECURITY DEFINER"),
			fmt.Sprintf("ALTER FUNCTION %s.set_other_user OWNER TO %s", schema, planter)}
	}},
	"in a schema that another role has come to own": {sql: func(_ *localtest.Scene, schema, planter string) []string {
		return []string{fmt.Sprintf("ALTER SCHEMA %s OWNER TO %s", schema, planter)}
	}},
	"by another role in the right schema": {sql: func(_ *localtest.Scene, schema, planter string) []string {
		return []string{
			fmt.Sprintf("DROP FUNCTION %s.set_other_user", schema),
			fmt.Sprintf(planted, schema, "SECURITY DEFINER"),
			fmt.Sprintf("ALTER FUNCTION %s.set_other_user OWNER TO %s", schema, planter)}
	}},
	"that runs as its caller": {sql: func(_ *localtest.Scene, schema, _ string) []string {
		return []string{fmt.Sprintf("DROP FUNCTION %s.set_other_user", schema), fmt.Sprintf(planted, schema, ""),
			fmt.Sprintf("ALTER FUNCTION %s.set_other_user OWNER TO %s", schema, schema)}
	}},
	"with other parameters": {sql: func(_ *localtest.Scene, schema, _ string) []string {
		return []string{fmt.Sprintf("DROP FUNCTION %s.set_other_user", schema),
			fmt.Sprintf(strings.Replace(planted, "valid_until timestamptz", "valid_until text", 1), schema, "SECURITY DEFINER"),
			fmt.Sprintf("ALTER FUNCTION %s.set_other_user OWNER TO %s", schema, schema)}
	}},
	"of an owner that can log in": {sql: func(_ *localtest.Scene, schema, _ string) []string {
		return []string{fmt.Sprintf("ALTER ROLE %s LOGIN", schema)}
	}},
	"of an owner without CREATEROLE": {sql: func(_ *localtest.Scene, schema, _ string) []string {
		return []string{fmt.Sprintf("ALTER ROLE %s NOCREATEROLE", schema)}
	}},
	"of another pair": {sql: func(_ *localtest.Scene, schema, _ string) []string {
		return []string{fmt.Sprintf(`COMMENT ON ROLE %s IS '{"role" : "x", "users" : ["x_a", "x_b"]}'`, schema)}
	}},
	"that the shared role may not execute": {sql: func(s *localtest.Scene, schema, _ string) []string {
		return []string{fmt.Sprintf("REVOKE EXECUTE ON FUNCTION %s.set_other_user FROM %s", schema, s.Shared)}
	}},
	"of an owner without ADMIN on the pair": {after16: true, sql: func(s *localtest.Scene, schema, _ string) []string {
		return []string{fmt.Sprintf("REVOKE %s FROM %s GRANTED BY %s", s.B, schema, s.Master)}
	}},
}

// record is the comment that setup leaves on the owner role of a pair.
func record(s *localtest.Scene) (literal string) {
	s.Ask("SELECT quote_literal(json_build_object('role', $1::text, 'users', json_build_array($2::text, $3::text)))",
		[]any{s.Shared, s.A, s.B}, &literal)
	return literal
}

// A function that is not the one of setup is not called; the error then tells that there is none.
func TestMatrixPlantedFunctionIsNotCalled(t *testing.T) {
	t.Parallel()
	newest := server
	if localpg.Available(18) {
		o := options
		o.Major = 18
		newest = pgtest.Start(t, o)
	}
	for name, plant := range plants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := server
			if plant.after16 {
				pg = newest
			}
			if plant.after16 && pg.Major() < 16 {
				t.Skip("needs PostgreSQL 16 or newer")
			}
			s := localtest.New(t, pg, nil)
			s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
			s.MustSetup()
			s.PutCurrent(s.Value(nil))
			planter := s.Shared + "planter"
			s.SQL("CREATE ROLE " + planter + " LOGIN CREATEROLE")
			s.SQL(plant.sql(s, "rotation_"+s.Shared, planter)...)
			mustRefuseRotation(t, s, "no way to set the password of user", "there is no function of setup")
		})
	}
}

// The function of setup says whom it has set; where that is not the pending user, nothing stays set.
func TestFunctionThatSetsAnotherUserIsUndone(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	s.PutCurrent(s.Value(nil))
	s.SQL(fmt.Sprintf(`CREATE OR REPLACE FUNCTION rotation_%s.set_other_user(verifier text, valid_until timestamptz)
		RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
			EXECUTE format('ALTER ROLE %%I PASSWORD %%L', session_user, verifier); RETURN session_user; END $$`, s.Shared))
	mustRefuseRotation(t, s, "and not", "run setup for this pair again")
}
