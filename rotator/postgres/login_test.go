package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/postgres"
)

var server *localpg.Server

func TestMain(m *testing.M) {
	if err := serveNames(); err != nil {
		panic(err)
	}
	pgtest.Main(m, localpg.Options{TLS: true}, &server)
}

func target() postgres.Server {
	return postgres.Server{Host: "localhost", Port: uint16(server.Port()), Database: "postgres"}
}

func superuser() postgres.Login {
	user, password := server.Superuser()
	return postgres.Login{User: user, Password: password}
}

func opener() postgres.Opener {
	return postgres.Opener{Roots: postgres.NewRoots(server.CAFile()), ApplicationName: "role_test"}
}

// libpq's variables choose neither server nor TLS, and their mistakes stop nothing.
func TestOpenTakesNothingFromTheEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"PGHOST": "nowhere", "PGPORT": "1", "PGDATABASE": "missing", "PGUSER": "nobody", "PGPASSWORD": "wrong", "PGPASSFILE": "/nowhere",
		"PGSSLMODE": "disable", "PGSSLROOTCERT": "/nowhere", "PGSSLCERT": "/nowhere",
		"PGSSLKEY": "/nowhere", "PGOPTIONS": "-c search_path=public", "PGAPPNAME": "another", "PGTARGETSESSIONATTRS": "standby",
		"PGREQUIREAUTH": "none", "PGCONNECT_TIMEOUT": "soon", "PGTZ": "Nowhere", "PGMINPROTOCOLVERSION": "9.9", "PGCHANNELBINDING": "require",
	} {
		t.Setenv(name, value)
	}
	session, err := opener().Open(t.Context(), target(), superuser())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(t.Context())
	if root := session.Root(); root != "pgrotator local CA" {
		t.Errorf("the session's root is %q", root)
	}
}

// What refuses a session is told by user, server and cause, and never with the password.
func TestLoginError(t *testing.T) {
	t.Parallel()
	const password = "the-Password-that-nobody-may-see"
	_, err := opener().Open(t.Context(), target(), postgres.Login{User: "nobody", Password: password})
	told := new(postgres.LoginError)
	if !errors.As(err, &told) || !postgres.Refused(err) || postgres.NotPermitted(err) {
		t.Fatalf("a refused login is %v", err)
	}
	for _, want := range []string{`"nobody"`, fmt.Sprintf("localhost:%d", server.Port()), `database "postgres"`, "SQLSTATE 28P01"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v", err), password) {
		t.Errorf("the password is shown: %+v", err)
	}
}

// With ssl:false the password itself still never crosses the wire: a server that asks for it is refused.
func TestPlaintextNeverSendsThePassword(t *testing.T) {
	t.Parallel()
	asking := pgtest.Start(t, localpg.Options{HBA: []string{"host all asked all password"}})
	pgtest.Exec(t, asking, "CREATE ROLE asked LOGIN PASSWORD 'asked'")
	at := postgres.Server{Host: "127.0.0.1", Port: uint16(asking.Port()), Database: "postgres", Plaintext: true}
	_, err := postgres.Opener{}.Open(t.Context(), at, postgres.Login{User: "asked", Password: "asked"})
	if err == nil || !strings.Contains(err.Error(), "which is not sent") {
		t.Errorf("logging in where the password is asked for: %v", err)
	}
}

// An attempt is repeated after what proves nothing, and only then; the last error is told.
func TestAttempt(t *testing.T) {
	t.Parallel()
	final := errors.New("final")
	for name, c := range map[string]struct {
		first error
		runs  int
	}{
		"another error":   {final, 1},
		"connection cut":  {io.ErrUnexpectedEOF, 2},
		"timeout":         {context.DeadlineExceeded, 2},
		"refused port":    {syscall.ECONNREFUSED, 2},
		"name not known":  {&net.DNSError{Err: "no such host", IsNotFound: true}, 1},
		"name server out": {&net.DNSError{Err: "server misbehaving"}, 2},
		"server stops":    {&pgconn.PgError{Code: "57P01"}, 2},
		"server starts":   {&pgconn.PgError{Code: "57P03"}, 2},
		"lock":            {&pgconn.PgError{Code: "55P03"}, 2},
		"no slot":         {&pgconn.PgError{Code: "53300", Routine: "InitProcess"}, 2},
		"own limit":       {&pgconn.PgError{Code: "53300", Routine: "InitializeSessionUserId"}, 1},
		"XX000, another":  {&pgconn.PgError{Code: "XX000", Message: "cache lookup failed"}, 1},
		"wrong password":  {&pgconn.PgError{Code: "28P01"}, 1},
		"not permitted":   {&pgconn.PgError{Code: "42501"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs, want := 0, final
			if c.runs == 1 {
				want = c.first
			}
			err := postgres.Attempt(t.Context(), func(context.Context) error {
				if runs++; runs == 1 {
					return fmt.Errorf("wrapped: %w", c.first)
				}
				return final
			})
			if runs != c.runs || !errors.Is(err, want) {
				t.Errorf("%d runs, error %v; want %d and %v", runs, err, c.runs, want)
			}
		})
	}
}

// An attempt ends with its context, and does not wait for what can no longer come.
func TestAttemptEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := postgres.Attempt(ctx, func(context.Context) error {
		cancel()
		return io.EOF
	})
	if !errors.Is(err, io.EOF) {
		t.Errorf("the attempt ended with %v", err)
	}
}

// A token is sent as it is, so never without TLS, whatever the server is.
func TestTokenNeedsTLS(t *testing.T) {
	t.Parallel()
	at := target()
	at.Plaintext = true
	token := func(context.Context) (string, error) { return "token", nil }
	if _, err := opener().Open(t.Context(), at, postgres.Login{User: "u", Token: token}); err == nil || !strings.Contains(err.Error(), "over TLS only") {
		t.Errorf("error %v", err)
	}
}
