package setup_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localtest"
)

// setupOf hands setup an event and lists what it changed.
func setupOf(t *testing.T, s *localtest.Scene, event map[string]any) ([]string, error) {
	t.Helper()
	answer, err := s.Invoke(event)
	if err != nil {
		return nil, err
	}
	var report struct{ Changed []string }
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		t.Fatal(err)
	}
	return report.Changed, nil
}

// Everything that a single user, or a user and its clone, could do, both users of the pair can do after the adoption and a rotation, and
// nothing else; in sessions that are older too. A client that works throughout never fails.
func TestAdoption(t *testing.T) {
	t.Parallel()
	for name, clone := range map[string]bool{"single user": false, "clone pair": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) { adopts(newEstate(t, pg, clone)) })
		})
	}
}

func adopts(e *estate) {
	acts := acts
	if e.clone {
		acts = slices.Concat(acts, actsOfClone)
	}
	first, ofOthers := e.Credential("AWSCURRENT"), e.ofOthers()
	before, old := map[string]map[string]string{}, map[string]*pgx.Conn{}
	for _, database := range e.databases {
		old[database] = e.connect(first, database)
		before[database] = e.tries(old[database], acts)
		if e.clone {
			clone := e.connect(localtest.Credential{Username: e.B, Password: localtest.PasswordA}, database)
			for act, refused := range e.tries(clone, actsOfClone) {
				if refused == "" {
					before[database][act] = ""
				}
			}
			clone.Close(e.t.Context())
		}
	}
	stop := sync.OnceFunc(e.works(first))
	defer stop()
	changed, err := e.adopt()
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Logf("%q", changed)
	if again, err := e.adopt(); err != nil || len(again) > 0 {
		e.t.Errorf("again it changed %q, error %v", again, err)
	}
	mustRotate(e.t, e.Scene)
	mustRotate(e.t, e.Scene)
	stop()
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		for _, database := range e.databases {
			conn := e.connect(e.Credential(stage), database)
			e.same(stage+" in "+database, before[database], e.tries(conn, acts))
			conn.Close(e.t.Context())
		}
	}
	for _, database := range e.databases {
		e.same("an old session in "+database, before[database], e.tries(old[database], acts))
	}
	if now := e.ofOthers(); !slices.Equal(now, ofOthers) {
		e.t.Errorf("of others were\n%q\nand are\n%q", ofOthers, now)
	}
}

// works has a client log in and work, and another go on in its session, until stop.
func (e *estate) works(c localtest.Credential) (stop func()) {
	e.t.Helper()
	ctx, cancel := context.WithCancel(e.t.Context())
	done := make(chan struct{})
	session, turns := e.connect(c, e.Database), 0
	work := func(conn *pgx.Conn) {
		for _, statement := range []string{"BEGIN", "INSERT INTO own.orders (state) VALUES ('paid')", "SELECT n, state FROM dba.orders", "COMMIT", "CREATE TABLE own.job (n int)", "DROP TABLE own.job"} {
			if _, err := conn.Exec(e.t.Context(), statement); err != nil {
				e.t.Errorf("the client: %s: %v", statement, err)
			}
		}
	}
	go func() {
		defer close(done)
		for ; ctx.Err() == nil; turns++ {
			current, err := e.Login(e.Credential("AWSCURRENT"))
			if err != nil {
				e.t.Errorf("the client as %s: %v", current, err)
			}
			conn := e.connect(e.Credential("AWSCURRENT"), e.Database)
			work(conn)
			conn.Close(e.t.Context())
			work(session)
		}
	}()
	return func() {
		cancel()
		<-done
		if turns == 0 {
			e.t.Error("the client has done nothing")
		}
	}
}
