package revoke_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// What a thief may execute is looked at when his statement begins: one that was under way lets the user in again after the pair is locked,
// here before the first, second or third message that revoke sends then.
func TestThiefLetsTheUserInAgain(t *testing.T) {
	t.Parallel()
	for message := 1; message <= 3; message++ {
		t.Run(fmt.Sprint(message), func(t *testing.T) {
			t.Parallel()
			s, proxy := newFaultScene(t)
			w := &waiting{t: t, s: s, other: s.Credential("AWSPREVIOUS").Username, message: message}
			known := s.Credential("AWSCURRENT")
			stop := w.begin(known)
			proxy.BeforeEach(w.step)
			_, err := run(t, s)
			open := remaining(s)
			stop()
			proxy.BeforeEach(nil)
			if err != nil {
				t.Fatal(err)
			}
			if !w.letIn {
				t.Skip("the thief's sessions were ended before the pair was locked")
			}
			if open > 0 {
				t.Errorf("%d sessions of the thief's live", open)
			}
			for _, c := range []localtest.Credential{known, {Username: w.other, Password: stolen}} {
				if _, err := s.Login(c); err == nil {
					t.Errorf("the thief logs in as %s", c.Username)
				}
			}
			s.MustLogin("AWSCURRENT")
		})
	}
}

// remaining counts the sessions of the pair that are still open after a while: revoke's own last login takes a moment to go.
func remaining(s *localtest.Scene) (open int) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		s.Ask("SELECT count(*) FROM pg_stat_activity WHERE usename IN ($1, $2)", []any{s.A, s.B}, &open)
		if open == 0 || time.Now().After(end) {
			return open
		}
	}
}

// waiting is a thief's statement that waits, when it has begun, for a lock of the test's.
type waiting struct {
	t     *testing.T
	s     *localtest.Scene
	other string // whom the statement sets

	mu      sync.Mutex
	held    *pgx.Conn // holds the lock
	message int       // how many messages after the pair was locked the lock is let go
	over    bool
	letIn   bool
}

const lockHeld = "SELECT pg_advisory_lock(hashtext($1))"

// begin has the thief's statement wait, in one session after the other for as long as he can log in; and then as whom he has let in.
func (w *waiting) begin(known localtest.Credential) (stop func()) {
	user, password := server.Superuser()
	w.held = pgtest.Connect(w.t, server.URL(user, password, w.s.Database))
	if _, err := w.held.Exec(w.t.Context(), lockHeld, w.s.Shared); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		for ctx.Err() == nil {
			w.use(ctx, known, fmt.Sprintf("SELECT rotation_%s.set_other_user('%s', 'infinity') FROM pg_advisory_lock(hashtext('%[1]s'))", w.s.Shared, stolenVerifier))
			w.use(ctx, localtest.Credential{Username: w.other, Password: stolen}, "SELECT pg_sleep(60)")
		}
	})
	for !w.waits() {
	}
	return func() { cancel(); working.Wait() }
}

// use runs a statement in a session of its own, if there is one to be had, until it or the session is ended.
func (w *waiting) use(ctx context.Context, c localtest.Credential, statement string) {
	conn, err := pgx.Connect(ctx, server.URL(c.Username, c.Password, w.s.Database))
	if err != nil {
		return
	}
	_, _ = conn.Exec(ctx, statement)
	_ = conn.Close(context.WithoutCancel(ctx))
}

func (w *waiting) waits() (waits bool) {
	w.ask("SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND NOT l.granted AND a.datname = current_database())", &waits)
	return waits
}

func (w *waiting) ask(query string, into *bool, args ...any) {
	if err := w.held.QueryRow(context.WithoutCancel(w.t.Context()), query, args...).Scan(into); err != nil {
		w.t.Error(err)
	}
}

// step lets the thief's statement go on, once, and waits for what it does.
func (w *waiting) step() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	var locked bool
	if w.ask("SELECT NOT rolcanlogin FROM pg_roles WHERE rolname = $1", &locked, w.other); !locked {
		return
	}
	if w.message--; w.message > 0 {
		return
	}
	w.over = true
	waiting := w.waits()
	w.ask("SELECT pg_advisory_unlock(hashtext($1))", new(bool), w.s.Shared)
	for waiting && !w.letIn {
		w.ask("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query ~ 'set_other_user' AND state = 'active' AND pid <> pg_backend_pid())", &waiting)
		w.ask("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", &w.letIn, w.other)
	}
}

// Whoever holds the row of one of the two is ended too, whoever's session it is.
func TestBlockerIsEnded(t *testing.T) {
	t.Parallel()
	s := newScene(t, server)
	helper := s.Shared + "helper"
	s.SQL("CREATE ROLE "+helper+" LOGIN CREATEROLE PASSWORD 'helper'", "GRANT pg_signal_backend TO "+s.Master)
	conn := pgtest.Connect(t, server.URL(helper, "helper", s.Database))
	if _, err := conn.Exec(t.Context(), "BEGIN; ALTER ROLE "+s.A+" CONNECTION LIMIT 7", pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, s); err != nil {
		t.Fatal(err)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the session that held the row lives")
	}
	s.MustLogin("AWSCURRENT")
}

// A prepared transaction holds the row of one of the two, and has no session: it is rolled back, in whichever database it was prepared.
func TestPreparedTransactionIsRolledBack(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg)
		known := s.Credential("AWSCURRENT")
		prepare(t, steal(t, pg, s, known), fmt.Sprintf("SELECT rotation_%s.set_other_user('%s', 'infinity')", s.Shared, stolenVerifier), s.Shared+" of the other")
		elsewhere := pgtest.Connect(t, pg.URL(known.Username, known.Password, "postgres"))
		prepare(t, elsewhere, fmt.Sprintf("SET ROLE NONE; ALTER ROLE %s PASSWORD '%s'", known.Username, stolenVerifier), s.Shared+"'s own")
		report, err := run(t, s)
		if err != nil {
			t.Fatal(err)
		}
		if told := strings.Join(report.Steps, "\n"); strings.Count(told, "rolled back the transaction") != 2 {
			t.Errorf("steps\n%s", told)
		}
		if _, err := s.Login(known); err == nil {
			t.Error("the thief logs in")
		}
		s.MustLogin("AWSCURRENT")
	})
}

func prepare(t *testing.T, conn *pgx.Conn, statement, name string) {
	t.Helper()
	for _, part := range []string{"BEGIN", statement, fmt.Sprintf("PREPARE TRANSACTION '%s'", strings.ReplaceAll(name, "'", "''"))} {
		if _, err := conn.Exec(t.Context(), part, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
}

// While a reader has not replayed that the pair is locked, a thief whose session there was ended opens another: revoke waits for the reader.
func TestReaderIsAwaited(t *testing.T) {
	t.Parallel()
	s := newScene(t, server)
	reader := addReader(t, s)
	pgtest.AwaitReplay(t, server, reader)
	user, password := reader.Superuser()
	replay := pgtest.Connect(t, reader.URL(user, password, "postgres"))
	if _, err := replay.Exec(t.Context(), "SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	known := s.Credential("AWSCURRENT")
	first := steal(t, reader, s, known)
	ended := make(chan error, 1)
	go func() {
		_, err := s.Invoke(map[string]any{"action": "revoke", "secretId": s.SecretID})
		ended <- err
	}()
	for first.Ping(t.Context()) == nil {
	}
	second := openAgain(t, reader, s, known)
	if _, err := replay.Exec(t.Context(), "SELECT pg_wal_replay_resume()"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if second != nil && second.Ping(t.Context()) == nil {
		t.Error("the thief's second session on the reader lives")
	}
	if _, err := pgx.Connect(t.Context(), reader.URL(known.Username, known.Password, s.Database)); err == nil {
		t.Error("the thief logs in to the reader")
	}
}

func openAgain(t *testing.T, reader *localpg.Server, s *localtest.Scene, known localtest.Credential) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), reader.URL(known.Username, known.Password, s.Database))
	if err != nil {
		t.Fatalf("the reader has replayed the lock before it was let: %v", err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// A login that began before the pair was locked, and that the thief keeps waiting until revoke is through, does not come in: PostgreSQL
// has read the old verifier when it begins, and asks for LOGIN when it ends.
func TestLoginUnderWayDoesNotOutlastRevoke(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		t.Run("of a session", func(t *testing.T) {
			t.Parallel()
			loginUnderWay(t, newScene(t, pg))
		})
		t.Run("for replication", func(t *testing.T) {
			t.Parallel()
			if pg.Major() < 16 {
				t.Skip("only a superuser may alter who replicates; on RDS such a user is a member of rds_replication instead")
			}
			s := newScene(t, pg)
			s.SQL("GRANT pg_monitor TO "+s.Master, "ALTER ROLE "+s.A+" REPLICATION", "ALTER ROLE "+s.B+" REPLICATION")
			loginUnderWay(t, s, "replication=database")
		})
	})
}

func loginUnderWay(t *testing.T, s *localtest.Scene, parameters ...string) {
	t.Helper()
	known := s.Credential("AWSPREVIOUS")
	held, look := holdLogin(t, s.PG, s, known, parameters...), pgtest.Superuser(t, s.PG)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		awaitLetIn(t, look, known.Username)
		close(held.goOn)
	})
	_, err := run(t, s)
	waiting.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := <-held.outcome; err == nil {
		t.Error("the thief logs in with a password of before")
	}
	s.MustLogin("AWSCURRENT")
}

// Without any credential a stranger keeps a login waiting, on whichever instance: the others are not left for later meanwhile, since he could
// do so on each in its turn, and the function's time would be up.
func TestInstancesAreLookedAtAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, server)
	reader := addReader(t, s)
	pgtest.AwaitReplay(t, server, reader)
	there := steal(t, reader, s, s.Credential("AWSCURRENT"))
	held := holdLogin(t, server, s, localtest.Credential{Username: "stranger", Password: "guessed"})
	go func() {
		for there.Ping(context.WithoutCancel(t.Context())) == nil {
		}
		close(held.goOn)
	}()
	if _, err := run(t, s); err != nil {
		t.Fatal(err)
	}
	<-held.outcome
	s.MustLogin("AWSCURRENT")
}

// heldLogin is a login that has answered the server once, and then waits.
type heldLogin struct {
	begun, goOn chan struct{}
	outcome     chan error
}

func holdLogin(t *testing.T, pg *localpg.Server, s *localtest.Scene, c localtest.Credential, parameters ...string) heldLogin {
	t.Helper()
	held := heldLogin{begun: make(chan struct{}), goOn: make(chan struct{}), outcome: make(chan error, 1)}
	config, err := pgx.ParseConfig(pg.URL(c.Username, c.Password, s.Database))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		config.RuntimeParams[name] = value
	}
	config.Config.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		return &heldConn{Conn: conn, held: held}, nil
	}
	go func() {
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err == nil {
			conn.Close(context.Background())
		}
		held.outcome <- err
	}()
	<-held.begun
	return held
}

// heldFor is for how long the thief keeps the server waiting where nobody lets the user in again: longer than revoke looks for sessions,
// and shorter than authentication_timeout.
const heldFor = 8 * time.Second

// awaitLetIn waits until revoke has locked the user and lets it in again, as the instance sees it, or for heldFor.
func awaitLetIn(t *testing.T, there *pgx.Conn, user string) {
	t.Helper()
	for end, locked := time.Now().Add(heldFor), false; time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var may bool
		if err := there.QueryRow(context.WithoutCancel(t.Context()), "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", user).Scan(&may); err != nil {
			t.Error(err)
		}
		if locked = locked || !may; locked && may {
			return
		}
	}
}

// heldConn holds what follows the startup message and SCRAM's first.
type heldConn struct {
	net.Conn
	held heldLogin
	sent int
}

func (c *heldConn) Write(b []byte) (int, error) {
	if c.sent++; c.sent == 3 {
		close(c.held.begun)
		<-c.held.goOn
	}
	return c.Conn.Write(b)
}
