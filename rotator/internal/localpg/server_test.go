package localpg_test

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

func TestMajorOutOfRangeIsRefused(t *testing.T) {
	t.Parallel()
	for _, major := range []int{-1, 13, 19} {
		s, err := localpg.Start(t.Context(), localpg.Options{Major: major})
		if err == nil {
			s.Close()
			t.Errorf("PostgreSQL %d was started", major)
		}
		if localpg.Available(major) {
			t.Errorf("PostgreSQL %d is said to be available", major)
		}
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, localpg.Options{
		Settings: map[string]string{"log_statement": "all", "cluster_name": `it's a \ name`},
		HBA:      []string{"host all barred all reject"},
	})
	name, password := s.Superuser()
	t.Run("a wrong password is refused", func(t *testing.T) {
		wantSQLState(t, s.URL(name, "not the password", "postgres"), "28P01")
	})
	t.Run("replication asks for the password too", func(t *testing.T) {
		wantSQLState(t, s.URL(name, "not the password", "postgres")+"&replication=true", "28P01")
	})
	t.Run("HBA lines come first", func(t *testing.T) {
		pgtest.Exec(t, s, "CREATE ROLE barred LOGIN PASSWORD 'x'")
		wantSQLState(t, s.URL("barred", "x", "postgres"), "28000")
	})
	t.Run("settings are taken as they are", func(t *testing.T) {
		var got string
		if err := pgtest.Superuser(t, s).QueryRow(t.Context(), "SHOW cluster_name").Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != `it's a \ name` {
			t.Errorf("cluster_name is %q", got)
		}
	})
	t.Run("any name and password fit into the URL", func(t *testing.T) {
		pgtest.Exec(t, s, `CREATE ROLE "a/b:c@d?é" LOGIN PASSWORD 'p@ss/w?rd#%41&='`, `CREATE DATABASE "one & two/é"`)
		pgtest.Connect(t, s.URL("a/b:c@d?é", "p@ss/w?rd#%41&=", "one & two/é"))
	})
	t.Run("psql takes the URL", func(t *testing.T) {
		wantFromPsql(t, s.URL(name, password, "postgres"))
	})
	t.Run("the log has the prefix of RDS", func(t *testing.T) {
		pgtest.Exec(t, s, "SELECT 'find me'")
		text, err := s.Log()
		if err != nil {
			t.Fatal(err)
		}
		line := regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC:127\.0\.0\.1\(\d+\):postgres@postgres:\[\d+\]:LOG:  .*find me`)
		login := regexp.MustCompile(`(?m):postgres@postgres:\[\d+\]:LOG:  connection authorized: user=postgres `)
		if !line.MatchString(text) || !login.MatchString(text) {
			t.Errorf("no statement or no login in that form:\n%s", text)
		}
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, localpg.Options{TLS: true})
	name, password := s.Superuser()
	url := s.URL(name, password, "postgres")
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]"} {
		t.Run(host, func(t *testing.T) {
			pgtest.Connect(t, strings.Replace(url, "127.0.0.1", host, 1))
		})
	}
	t.Run("psql takes the URL", func(t *testing.T) {
		wantFromPsql(t, url)
	})
	t.Run("no other CA will do", func(t *testing.T) {
		other := pgtest.Start(t, localpg.Options{TLS: true})
		port, otherPort := strconv.Itoa(s.Port()), strconv.Itoa(other.Port())
		wantNoConnection(t, strings.Replace(other.URL(name, password, "postgres"), otherPort, port, 1), "unknown authority")
	})
}

func TestPlaintextServerRefusesTLS(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, localpg.Options{})
	if s.CAFile() != "" {
		t.Errorf("it has a CA's file, %s", s.CAFile())
	}
	name, password := s.Superuser()
	url := strings.Replace(s.URL(name, password, "postgres"), "sslmode=disable", "sslmode=require", 1)
	wantNoConnection(t, url, "server refused TLS connection")
}

// A signal on the death of the parent would be sent when the thread that started the server ends.
func TestServerOutlivesTheThreadThatStartedIt(t *testing.T) {
	t.Parallel()
	var s *localpg.Server
	var err error
	started := make(chan struct{})
	go func() {
		defer close(started)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		s, err = localpg.Start(context.Background(), localpg.Options{})
	}()
	<-started
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Own(t, s)
	for range 3 {
		pgtest.Exec(t, s, "SELECT pg_sleep(0.1)")
	}
}

func wantSQLState(t *testing.T, url, state string) {
	t.Helper()
	var pgErr *pgconn.PgError
	if err := tryConnect(t, url); !errors.As(err, &pgErr) || pgErr.Code != state {
		t.Errorf("connecting gives %v, want SQLSTATE %s", err, state)
	}
}

func wantNoConnection(t *testing.T, url, reason string) {
	t.Helper()
	if err := tryConnect(t, url); err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("connecting gives %v, want %q", err, reason)
	}
}

func tryConnect(t *testing.T, url string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return err
	}
	return conn.Close(t.Context())
}

func wantFromPsql(t *testing.T, url string) {
	t.Helper()
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed")
	}
	out, err := exec.CommandContext(t.Context(), psql, "--no-psqlrc", "-At", "-c", "SELECT 6 * 7", url).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "42" {
		t.Errorf("psql says %q, %v", out, err)
	}
}
