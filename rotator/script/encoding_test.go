package script_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/account"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
)

// In a database of an encoding that has no character for a byte of somebody's name, what stands in a role's way is read all the same,
// and what no statement can hold is a comment.
func unreadableNames(t *testing.T, h *hostile) {
	h.super("postgres", "CREATE DATABASE narrow TEMPLATE template0 ENCODING WIN1252 LC_COLLATE 'C' LC_CTYPE 'C'", "CREATE ROLE leaver LOGIN")
	user, secret := h.server.Superuser()
	conn := h.connect(user, secret, "narrow")
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, statement := range []string{"SET client_encoding = SQL_ASCII", "CREATE DATABASE \"place\x81\" TEMPLATE template0 OWNER leaver", "CREATE ROLE \"group\x81\"", "GRANT \"group\x81\" TO leaver",
		"ALTER ROLE leaver SET application_name = 'mine\x81'", "ALTER ROLE leaver IN DATABASE \"place\x81\" SET application_name = 'x'", "COMMENT ON ROLE leaver IS 'note\x81'"} {
		if _, err := conn.PgConn().Exec(t.Context(), statement).ReadAll(); err != nil {
			t.Fatalf("%q: %v", statement, err)
		}
	}
	h.super("place\x81", "CREATE SCHEMA his AUTHORIZATION leaver")
	oid := ask[int64](h, home, "SELECT oid::int8 FROM pg_roles WHERE rolname = 'leaver'")
	place := ask[int64](h, home, "SELECT oid::int8 FROM pg_database WHERE datdba = $1", oid)
	session := h.session("narrow")
	defer session.Close(t.Context())
	found, err := account.ReadObstacles(t.Context(), session, []int64{oid})
	if want := (account.Dependency{Database: fmt.Sprintf("(oid %d)", place), Unreadable: place, Objects: 1}); err != nil || len(found[oid].Dependencies) < 2 || found[oid].Dependencies[1] != want {
		t.Errorf("obstacles %+v, error %v; want %+v", found[oid], err, want)
	}
	said := strings.Join(script.Clear(script.Leaver{Name: "leaver", OID: oid, Databases: []string{""}, Unreadable: []int64{place}}), "\n")
	if !strings.Contains(said, "-- "+string(script.RenameDatabase(place))) || strings.Contains(said, "DROP ROLE") {
		t.Errorf("the script is\n%s", said)
	}
	lines, err := account.Remake(t.Context(), session, oid)
	if err != nil || len(lines) != 5 {
		t.Fatalf("remake: %q, error %v", lines, err)
	}
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, "-- ") {
			t.Errorf("a statement holds a name that cannot be read: %s", line)
		}
	}
}

// session is one as the product opens them, of the superuser.
func (h *hostile) session(database string) *postgres.Session {
	h.t.Helper()
	user, secret := h.server.Superuser()
	at := postgres.Server{Host: h.server.Host(), Port: uint16(h.server.Port()), Database: database, Plaintext: true}
	session, err := postgres.Opener{}.Open(h.t.Context(), at, postgres.Login{User: user, Password: secret})
	if err != nil {
		h.t.Fatal(err)
	}
	return session
}

// A role whose name no statement can hold gets a comment in place of a script, not the rest of one.
func TestNoScriptForANameThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bro\xffken", "nul\x00l", "lost\ufffd"} {
		for _, said := range [][]string{
			script.Clear(script.Leaver{Name: name, OID: 1, Databases: []string{"app"}}), script.Clear(script.Leaver{Name: name, OID: 1}),
			script.Adopt(script.Adoption{User: name, Partner: "b", Shared: "c"}), script.Adopt(script.Adoption{User: "a", Partner: name, Shared: "c"}),
			script.Adopt(script.Adoption{User: "a", Partner: "b", Shared: name}),
		} {
			if len(said) != 1 || !strings.HasPrefix(said[0], "-- ") || strings.ContainsAny(said[0], "\n\x00") {
				t.Errorf("%q: %q", name, said)
			}
		}
	}
}
