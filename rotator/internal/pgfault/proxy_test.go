package pgfault_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/pgfault"
)

var server *localpg.Server

func TestMain(m *testing.M) {
	pgtest.Main(m, localpg.Options{}, &server)
}

// Points of one session with two statements: a startup, two SASL messages, a Sync, a Query.
const points = 5

// session makes a table by the extended protocol and a row by the simple one, as autocommitted statements.
func session(ctx context.Context, port int, table string) error {
	user, password := server.Superuser()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/postgres?sslmode=disable", user, password, port))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE TABLE "+table+" (n int)", pgx.QueryExecModeExec); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "INSERT INTO "+table+" VALUES (1)", pgx.QueryExecModeSimpleProtocol)
	return err
}

func start(t *testing.T) *pgfault.Proxy {
	t.Helper()
	proxy, err := pgfault.Start(t.Context(), fmt.Sprintf("127.0.0.1:%d", server.Port()))
	if err != nil {
		t.Fatal(err)
	}
	return proxy
}

func TestProxyCountsAndPassesOn(t *testing.T) {
	t.Parallel()
	proxy := start(t)
	if err := session(t.Context(), proxy.Port(), "passed"); err != nil {
		t.Fatal(err)
	}
	if got := proxy.Points(); got != points {
		t.Errorf("%d points; want %d", got, points)
	}
}

// What the server has done at each fault: before the Sync no table, after it the table, after the Query the row.
func TestProxyFaults(t *testing.T) {
	t.Parallel()
	for i, kind := range pgfault.Kinds() {
		for point := 1; point <= points; point++ {
			t.Run(fmt.Sprintf("%s point %d", kind, point), func(t *testing.T) {
				t.Parallel()
				proxy := start(t)
				killed := make(chan struct{}, 1)
				proxy.Inject(point, kind, func() { killed <- struct{}{} })
				table := fmt.Sprintf("t_%d_%d", i, point)
				if err := session(t.Context(), proxy.Port(), table); err == nil {
					t.Error("the session did not notice")
				}
				if !proxy.Reached() {
					t.Error("the fault did not happen")
				}
				wantKill := kind == pgfault.KillBefore || kind == pgfault.KillAfter
				if got := len(killed) == 1; got != wantKill {
					t.Errorf("killed: %v; want %v", got, wantKill)
				}
				done := point - 1
				if kind == pgfault.CutAfter || kind == pgfault.KillAfter {
					done = point
				}
				look(t, table, done >= 4, done >= 5)
			})
		}
	}
}

// look compares what is in the database.
func look(t *testing.T, table string, wantTable, wantRow bool) {
	t.Helper()
	conn := pgtest.Superuser(t, server)
	var exists bool
	if err := conn.QueryRow(t.Context(), "SELECT to_regclass($1) IS NOT NULL", table).Scan(&exists); err != nil {
		t.Fatal(err)
	}
	if exists != wantTable {
		t.Fatalf("the table exists: %v; want %v", exists, wantTable)
	}
	if !exists {
		return
	}
	var rows int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if (rows == 1) != wantRow {
		t.Errorf("%d rows; want the row: %v", rows, wantRow)
	}
}
