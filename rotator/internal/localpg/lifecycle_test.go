package localpg_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

func TestStopRestartKill(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, localpg.Options{})
	port := s.Port()
	for _, step := range []struct {
		name string
		do   func() error
		up   bool
	}{
		{"restart", func() error { return s.Restart(t.Context()) }, true},
		{"stop", func() error { return s.Stop(t.Context()) }, false},
		{"start after stop", func() error { return s.StartAgain(t.Context()) }, true},
		{"kill", s.Kill, false},
		{"start after kill", func() error { return s.StartAgain(t.Context()) }, true},
	} {
		if reachable(t, s) {
			pgtest.Exec(t, s, "CREATE ROLE made_before_"+strings.ReplaceAll(step.name, " ", "_"))
		}
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if reachable(t, s) != step.up || s.Port() != port {
			t.Fatalf("after %s the server is reachable: %t on port %d, want %t on %d", step.name, !step.up, s.Port(), step.up, port)
		}
		if left := processesOf(t, s); !step.up && len(left) > 0 {
			t.Errorf("after %s processes %v are left", step.name, left)
		}
	}
	var roles int
	err := pgtest.Superuser(t, s).QueryRow(t.Context(), `SELECT count(*) FROM pg_roles WHERE rolname ~ '^made_before_'`).Scan(&roles)
	if err != nil {
		t.Fatal(err)
	}
	if roles != 3 {
		t.Errorf("%d of the 3 roles are still there", roles)
	}
}

func TestWrongStateIsAnError(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, localpg.Options{})
	if s.StartAgain(t.Context()) == nil {
		t.Error("a running server was started again")
	}
	if s.Promote(t.Context()) == nil {
		t.Error("a primary was promoted")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Stop(t.Context()) == nil || s.Kill() == nil || s.Restart(t.Context()) == nil || s.Promote(t.Context()) == nil {
		t.Error("a stopped server was stopped, killed, restarted or promoted")
	}
	if _, err := s.Standby(t.Context()); err == nil {
		t.Error("a stopped server got a standby")
	}
}

// A backend that computes does not notice by itself that its postmaster is gone.
func TestStopKillsWhereTheContextEnds(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, localpg.Options{})
	busy := pgtest.Superuser(t, s)
	patience, giveUp := context.WithTimeout(t.Context(), time.Minute)
	defer giveUp()
	ended := make(chan error, 1)
	go func() {
		_, err := busy.Exec(patience, "SET application_name = 'busy'; DO 'BEGIN LOOP END LOOP; END'")
		ended <- err
	}()
	awaitBusy(t, s)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if s.Stop(over) == nil {
		t.Error("no error")
	}
	if left := processesOf(t, s); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if <-ended == nil {
		t.Error("the endless statement ended well")
	}
	if err := s.StartAgain(t.Context()); err != nil {
		t.Error(err)
	}
}

func awaitBusy(t *testing.T, s *localpg.Server) {
	t.Helper()
	const sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'busy' AND state = 'active')"
	conn := pgtest.Superuser(t, s)
	deadline := time.Now().Add(10 * time.Second)
	for busy := false; !busy; time.Sleep(10 * time.Millisecond) {
		if err := conn.QueryRow(t.Context(), sql).Scan(&busy); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the endless statement does not run")
		}
	}
}

// The server itself is content with ::1 alone, and connections to 127.0.0.1 would meet a stranger.
func TestTakenPortIsAnError(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, localpg.Options{})
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	stranger, err := net.Listen("tcp", net.JoinHostPort(s.Host(), strconv.Itoa(s.Port())))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.StartAgain(t.Context()); err == nil || !strings.Contains(err.Error(), "taken by another process") {
		t.Errorf("starting gives %v", err)
	}
	stranger.Close()
	if err := s.StartAgain(t.Context()); err != nil {
		t.Errorf("starting once the port is free: %v", err)
	}
}

func TestEveryMajorFailsOverToItsStandby(t *testing.T) {
	t.Parallel()
	for major := 14; major <= 18; major++ {
		t.Run(strconv.Itoa(major), func(t *testing.T) {
			if !localpg.Available(major) {
				t.Skipf("PostgreSQL %d is not on this machine", major)
			}
			primary := pgtest.Start(t, localpg.Options{Major: major, TLS: true})
			wantMajor(t, primary, major)
			standby, err := primary.Standby(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pgtest.Own(t, standby)
			wantMajor(t, standby, major)
			wantRecovery(t, standby, true)
			pgtest.Exec(t, primary, "CREATE ROLE app")
			pgtest.AwaitReplay(t, primary, standby)
			if err := primary.Close(); err != nil {
				t.Fatal(err)
			}
			if err := standby.Promote(t.Context()); err != nil {
				t.Fatal(err)
			}
			pgtest.Exec(t, standby, "ALTER ROLE app LOGIN")
			if err := standby.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantRecovery(t, standby, false)
		})
	}
}

func TestStandbyCatchesUpAfterKill(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, localpg.Options{})
	standby, err := primary.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Own(t, standby)
	if err := standby.Kill(); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, primary, "CREATE ROLE app")
	if err := standby.StartAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	pgtest.AwaitReplay(t, primary, standby)
	wantRecovery(t, standby, true)
}

func wantMajor(t *testing.T, s *localpg.Server, want int) {
	t.Helper()
	var version int
	err := pgtest.Superuser(t, s).QueryRow(t.Context(), "SELECT current_setting('server_version_num')::int").Scan(&version)
	if err != nil {
		t.Fatal(err)
	}
	if version/10000 != want || s.Major() != want {
		t.Errorf("server_version_num is %d and Major() %d, want %d", version, s.Major(), want)
	}
}

func wantRecovery(t *testing.T, s *localpg.Server, want bool) {
	t.Helper()
	var got bool
	if err := pgtest.Superuser(t, s).QueryRow(t.Context(), "SELECT pg_is_in_recovery()").Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("pg_is_in_recovery() is %t, want %t", got, want)
	}
}

func reachable(t *testing.T, s *localpg.Server) bool {
	t.Helper()
	name, password := s.Superuser()
	conn, err := pgx.Connect(t.Context(), s.URL(name, password, "postgres"))
	if err != nil {
		return false
	}
	conn.Close(t.Context())
	return true
}
