package setup_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
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

// Everything that a single user, or a user and its clone, could do, both users of the pair can do after an adoption as the page has it and a
// rotation, and nothing else; in sessions that are older too. A client that works throughout never fails.
func TestPageOfAdoption(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		for _, path := range paths {
			if pg.Major() != server.Major() && !path.clone && !localtest.Soaking() {
				continue // a clone pair has all that a single user has
			}
			t.Run(path.heading, func(t *testing.T) {
				t.Parallel()
				adopts(newEstate(t, pg, path.clone), path)
			})
		}
	})
}

func adopts(e *estate, path path) {
	acts := acts
	if path.clone {
		acts = slices.Concat(acts, actsOfClone)
	}
	before, ofOthers, old := e.before(acts), e.ofOthers(), map[string]*pgx.Conn{}
	for _, database := range e.databases {
		old[database] = e.connect(e.Credential("AWSCURRENT"), database)
	}
	ofMaster := e.ofMaster()
	stop := sync.OnceFunc(e.works())
	defer stop()
	path.follow(e, section(e.t, path.heading))
	mustRotate(e.t, e.Scene)
	mustRotate(e.t, e.Scene)
	if current, previous := e.Credential("AWSCURRENT").Username, e.Credential("AWSPREVIOUS").Username; current != e.A || previous != e.B {
		e.t.Fatalf("after two rotations the users are %s and %s", current, previous)
	}
	stop()
	if now := e.ofMaster(); now != ofMaster {
		e.t.Errorf("the master was a member of\n%s\nand is of\n%s", ofMaster, now)
	}
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
	mustCheck(e.t, e.Scene)
	e.adoptsWhatIsLeft()
}

// adoptsWhatIsLeft: a session older than the adoption goes on making what is its user's, which is told, and adopted when asked again.
func (e *estate) adoptsWhatIsLeft() {
	e.t.Helper()
	e.super("", "CREATE TABLE own.late (n int)", "ALTER TABLE own.late OWNER TO {app}")
	if answer, err := e.Invoke(map[string]any{"action": "check", "secretId": e.SecretID, "for": "rotation"}); err != nil || !strings.Contains(answer, "table own.late, which "+e.names.Replace("{app} owns")) {
		e.t.Errorf("check: %s, error %v", answer, err)
	}
	put(e.t, e.Scene, map[string]any{"masterarn": e.masterARN}, e.masterARN)
	event := map[string]any{"action": "setup", "secretId": e.SecretID, "adopt": true}
	if changed, err := setupOf(e.t, e.Scene, event); err != nil || len(changed) == 0 {
		e.t.Errorf("it changed %q, error %v", changed, err)
	}
	if again, err := setupOf(e.t, e.Scene, event); err != nil || len(again) > 0 {
		e.t.Errorf("again it changed %q, error %v", again, err)
	}
	e.super("", "DROP TABLE own.late")
}

// works has a client log in and work, and another go on in its session, until stop.
func (e *estate) works() (stop func()) {
	e.t.Helper()
	ctx, cancel := context.WithCancel(e.t.Context())
	done := make(chan struct{})
	session, turns := e.connect(e.Credential("AWSCURRENT"), e.Database), 0
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
