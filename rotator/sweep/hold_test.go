package sweep_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/account"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/postgres"
)

// A trigger of a stranger's, on the table that a sweep writes into.
const (
	springs = "CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
	trap    = "CREATE TRIGGER trap BEFORE INSERT ON user_login_action FOR EACH ROW EXECUTE FUNCTION spring()"
)

// A stranger who owns the tables' database moves them when a sweep has found them and waits for its lock: it looks again.
func TestTablesThatMoveWhileASweepWaits(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.exec(springs)
	moving, err := s.admin.Begin(t.Context()) // nobody else sees the trigger yet
	if err != nil {
		t.Fatal(err)
	}
	if _, err := moving.Exec(t.Context(), trap); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.sweeper().Run(t.Context(), s.prefix, false)
		ended <- err
	}()
	user, superPassword := server.Superuser()
	watch := pgtest.Connect(t, server.URL(user, superPassword, s.prefix))
	for waits := false; !waits; {
		if err := watch.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'user_login_action'::regclass AND NOT granted)").Scan(&waits); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			t.Fatalf("the sweep did not wait: %v", err)
		default:
		}
	}
	if err := moving.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "has a trigger") {
		t.Errorf("the sweep: %v", err)
	}
}

func (s *stage) execAll(statements []string) {
	s.t.Helper()
	for _, statement := range statements {
		s.exec(statement)
	}
}

// Tables that were the sweep's when they were found are looked at again once they are held: whoever owns the schema, or the database, has
// had the time to put others in their place. Held, they stay as they are.
func TestTablesAreHeldAsTheyAre(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	stranger := s.prefix + "stranger"
	s.exec("CREATE ROLE " + stranger)
	s.exec(springs)
	at := postgres.Server{Host: server.Host(), Port: uint16(server.Port()), Database: s.prefix, Plaintext: true}
	session, err := postgres.Opener{}.Open(t.Context(), at, postgres.Login{User: s.prefix + "_a", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(t.Context())
	installation := account.Installation{Master: "postgres"}
	place, err := account.FindTables(t.Context(), session, "public", installation)
	if err != nil {
		t.Fatal(err)
	}
	hold := func() error {
		if err := session.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		return account.HoldTables(t.Context(), session, place, installation)
	}
	for _, c := range []struct {
		moved, undone []string
		refusal       string
	}{
		{[]string{trap}, []string{"DROP TRIGGER trap ON user_login_action"}, "has a trigger"},
		{[]string{"ALTER TABLE user_login_action OWNER TO " + stranger, "GRANT ALL ON user_login_action TO " + s.prefix},
			[]string{"ALTER TABLE user_login_action OWNER TO " + s.prefix}, "belongs to somebody else"},
		{[]string{"ALTER SCHEMA public OWNER TO " + stranger}, []string{"ALTER SCHEMA public OWNER TO pg_database_owner"}, "who could put others in their place"},
	} {
		s.execAll(c.moved)
		if err := hold(); err == nil || !strings.Contains(err.Error(), c.refusal) {
			t.Errorf("%s: %v, want %q", c.moved[0], err, c.refusal)
		}
		if err := session.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.execAll(c.undone)
	}
	mustTellThatItsLockIsLost(t, session, place)
	if err := hold(); err != nil {
		t.Fatal(err)
	}
	user, superPassword := server.Superuser()
	other := pgtest.Connect(t, server.URL(user, superPassword, s.prefix))
	for _, move := range []string{trap, "CREATE RULE r AS ON INSERT TO user_login_action DO ALSO NOTIFY x", "DROP TABLE user_login_action", "ALTER TABLE user_login_action RENAME TO another",
		"ALTER TABLE user_login_status ENABLE ROW LEVEL SECURITY", "ALTER TABLE user_login_job_status SET SCHEMA pg_temp"} {
		if _, err := other.Exec(t.Context(), "SET lock_timeout = '50ms'; "+move, pgx.QueryExecModeSimpleProtocol); err == nil || !strings.Contains(err.Error(), "55P03") {
			t.Errorf("%s while the tables are held: %v", move, err)
		}
	}
}

// mustTellThatItsLockIsLost: the sweep's lock lasts as long as its transaction, and is asked for before each act.
func mustTellThatItsLockIsLost(t *testing.T, session *postgres.Session, place account.Tables) {
	t.Helper()
	if holder, err := account.TakeLock(t.Context(), session, place.Schema); err != nil || holder != "" {
		t.Fatalf("%q holds the lock, error %v", holder, err)
	}
	if err := account.HoldsLock(t.Context(), session); err != nil {
		t.Errorf("with the lock: %v", err)
	}
	if err := session.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := account.HoldsLock(t.Context(), session); err == nil || !strings.Contains(err.Error(), "the sweep's lock was lost") {
		t.Errorf("without the lock: %v", err)
	}
}
