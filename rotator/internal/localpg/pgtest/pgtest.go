// Package pgtest gives tests a real PostgreSQL server.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg"
)

const (
	startTimeout     = 5 * time.Minute // the first start of a version may download it
	statementTimeout = 30 * time.Second
	pollInterval     = 10 * time.Millisecond
	shownLines       = 60
)

// Start starts a server that ends with the test. A test that fails shows the end of the server's log.
func Start(t testing.TB, o localpg.Options) *localpg.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	s, err := localpg.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	Own(t, s)
	return s
}

// Own ends a server, such as a standby, with the test.
func Own(t testing.TB, s *localpg.Server) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of PostgreSQL on port %d ends:\n%s", s.Port(), logEnd(s))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Main runs a package's tests with one server for all of them, stored in *s: a cluster takes over a second to make,
// and roles, which belong to the cluster, can have a prefix per test. Call it from TestMain; it does not return.
func Main(m interface{ Run() int }, o localpg.Options, s **localpg.Server) {
	os.Exit(runMain(m, o, s))
}

func runMain(m interface{ Run() int }, o localpg.Options, s **localpg.Server) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	started, err := localpg.Start(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := errors.Join(started.Close(), closeShared()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	*s = started
	code = m.Run()
	if code != 0 {
		fmt.Fprintf(os.Stderr, "log of PostgreSQL ends:\n%s\n", logEnd(started))
	}
	return code
}

// Connect opens a connection that ends with the test.
func Connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), statementTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Superuser opens a superuser's connection to the database postgres that ends with the test.
func Superuser(t testing.TB, s *localpg.Server) *pgx.Conn {
	t.Helper()
	name, password := s.Superuser()
	return Connect(t, s.URL(name, password, "postgres"))
}

// Exec runs statements as the superuser in the database postgres, each in a transaction of its own.
func Exec(t testing.TB, s *localpg.Server, sql ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), statementTimeout)
	defer cancel()
	conn := Superuser(t, s)
	defer conn.Close(ctx)
	for _, statement := range sql {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// AwaitReplay waits until the standby has replayed everything that the primary has committed so far.
func AwaitReplay(t testing.TB, primary, standby *localpg.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), statementTimeout)
	defer cancel()
	var committed string
	if err := Superuser(t, primary).QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&committed); err != nil {
		t.Fatal(err)
	}
	conn := Superuser(t, standby)
	for {
		var replayed bool
		err := conn.QueryRow(ctx, "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", committed).Scan(&replayed)
		if err != nil {
			t.Fatalf("waiting for the standby to replay %s: %v", committed, err)
		}
		if replayed {
			return
		}
		time.Sleep(pollInterval)
	}
}

func logEnd(s *localpg.Server) string {
	text, err := s.Log()
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-shownLines):], "\n")
}
