package rotation_test

import (
	"context"
	"testing"
	"time"

	"pgrotator/rotator/internal/localtest"
)

// A client that logs in throughout, with AWSCURRENT as it is at that moment. With two users it is never refused; with one it is, from the
// moment at which setSecret has set the password until finishSecret, and at no other.
func TestWindowOfASingleUser(t *testing.T) {
	t.Parallel()
	for name, newScene := range map[string]func() *localtest.Scene{
		"one user": func() *localtest.Scene { return newSingleScene(t, server) },
		"two users": func() *localtest.Scene {
			s := localtest.New(t, server, nil)
			s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
			s.MustSetup()
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			token := s.Begin()
			s.Steps(token, "createSecret")
			if refused := whileLoggingIn(t, s, func() {}); len(refused) > 0 {
				t.Fatalf("refused before setSecret: %v", refused)
			}
			begun := time.Now()
			refused := whileLoggingIn(t, s, func() { s.Steps(token, "setSecret", "testSecret") })
			stays := whileLoggingIn(t, s, func() {})
			s.Steps(token, "finishSecret")
			window := time.Since(begun)
			if single := name == "one user"; (len(stays) > 0) != single || !single && len(refused) > 0 {
				t.Errorf("refused %v during setSecret and testSecret, and %v until finishSecret", refused, stays)
			}
			if after := whileLoggingIn(t, s, func() {}); len(after) > 0 {
				t.Errorf("refused after finishSecret: %v", after)
			}
			t.Logf("from the call of setSecret to the end of finishSecret: %v", window)
		})
	}
}

// whileLoggingIn logs in with AWSCURRENT again and again while something happens, and at least once after it, and gives the refusals.
func whileLoggingIn(t *testing.T, s *localtest.Scene, happens func()) (refused []error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for last := false; !last; {
			last = ctx.Err() != nil
			if _, err := s.Login(s.Credential("AWSCURRENT")); err != nil {
				refused = append(refused, err)
			}
		}
	}()
	happens()
	cancel()
	<-done
	return refused
}
