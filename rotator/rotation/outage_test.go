package rotation_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
)

func address(pg *localpg.Server) string {
	return fmt.Sprintf("127.0.0.1:%d", pg.Port())
}

// afterStep does something once, when a step of the scene's rotation has first ended.
func afterStep(s *localtest.Scene, step string, act func()) {
	var once sync.Once
	s.AWS.AfterInvoke(func(i localaws.Invocation) {
		if strings.Contains(string(i.Event), step) {
			once.Do(act)
		}
	})
}

// newOutageScene has a server of its own behind an endpoint, and a standby of it.
func newOutageScene(t *testing.T) (s *localtest.Scene, endpoint *pgfault.Proxy, standby *localpg.Server) {
	t.Helper()
	primary := pgtest.Start(t, options)
	s = localtest.New(t, primary, nil)
	endpoint, err := pgfault.Start(t.Context(), address(primary))
	if err != nil {
		t.Fatal(err)
	}
	s.Behind(endpoint.Port())
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	standby, err = primary.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Own(t, standby)
	return s, endpoint, standby
}

// The server restarts while setSecret is about to speak to it.
func TestServerRestartsDuringRotation(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, pgtest.Start(t, options), nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	for _, step := range allSteps[:2] {
		t.Run("after "+step, func(t *testing.T) {
			restarted := make(chan error, 1)
			afterStep(s, step, func() { go func() { restarted <- s.PG.Restart(t.Context()) }() })
			before := s.Credential("AWSCURRENT")
			mustRotate(t, s)
			if err := <-restarted; err != nil {
				t.Fatal(err)
			}
			checkRotated(t, s, before)
		})
	}
}

// The primary dies between two steps and the standby, which has replayed everything, takes its place at the endpoint.
func TestFailoverDuringRotation(t *testing.T) {
	t.Parallel()
	s, endpoint, standby := newOutageScene(t)
	primary := s.PG
	afterStep(s, "setSecret", func() {
		pgtest.AwaitReplay(t, primary, standby)
		if err := primary.Kill(); err != nil {
			t.Error(err)
		}
		takeOver(t, s, endpoint, standby)
	})
	before := s.Credential("AWSCURRENT")
	mustRotate(t, s)
	checkRotated(t, s, before)
}

// The standby that takes over has not heard of what setSecret did: testSecret fails, and the retry sets the password again.
func TestFailoverThatLosesThePassword(t *testing.T) {
	t.Parallel()
	s, endpoint, standby := newOutageScene(t)
	before := s.Credential("AWSCURRENT")
	if err := standby.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	afterStep(s, "setSecret", func() {
		if err := s.PG.Kill(); err != nil {
			t.Error(err)
		}
		if err := standby.StartAgain(t.Context()); err != nil {
			t.Error(err)
		}
		takeOver(t, s, endpoint, standby)
	})
	s.AWS.ResetCalls()
	mustRotate(t, s)
	if n := len(functionCalls(s)); n <= 12 {
		t.Errorf("%d AWS calls: nothing was lost, or nothing tried again", n)
	}
	checkRotated(t, s, before)
}

// takeOver makes the standby the primary behind the endpoint.
func takeOver(t *testing.T, s *localtest.Scene, endpoint *pgfault.Proxy, standby *localpg.Server) {
	if err := standby.Promote(t.Context()); err != nil {
		t.Error(err)
	}
	endpoint.Redirect(address(standby))
	s.PG = standby
}

// A reader is told as such, where PostgreSQL would only speak of a read-only transaction.
func TestReaderAsHost(t *testing.T) {
	t.Parallel()
	s, endpoint, standby := newOutageScene(t)
	pgtest.AwaitReplay(t, s.PG, standby)
	endpoint.Redirect(address(standby))
	mustRefuseRotation(t, s, "the secret's host 127.0.0.1 is a reader (in recovery)")
}
