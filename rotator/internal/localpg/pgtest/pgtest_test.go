package pgtest_test

import (
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

var server *localpg.Server

func TestMain(m *testing.M) {
	pgtest.Main(m, localpg.Options{}, &server)
}

func TestExecRunsAsSuperuser(t *testing.T) {
	t.Parallel()
	pgtest.Exec(t, server, "CREATE ROLE made NOLOGIN", "CREATE DATABASE made OWNER made")
	var owner string
	err := pgtest.Superuser(t, server).QueryRow(t.Context(),
		"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'made'").Scan(&owner)
	if err != nil {
		t.Fatal(err)
	}
	if owner != "made" {
		t.Errorf("the database belongs to %q", owner)
	}
}
