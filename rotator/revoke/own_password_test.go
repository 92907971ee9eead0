package revoke_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
)

// Whoever has a session may set his own password, which takes no right and gives no LOGIN: a thief's that he sets between the lock and the
// end of his session does not become the new AWSCURRENT's, nor does a login come in that he begins with it.
func TestThiefSetsHisOwnPassword(t *testing.T) {
	t.Parallel()
	for name, keepsWaiting := range map[string]bool{"and tries it later": false, "and keeps a login waiting": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy := newFaultScene(t)
			known := s.Credential("AWSPREVIOUS")
			own := localtest.Credential{Username: known.Username, Password: stolen}
			var held heldLogin
			look := pgtest.Superuser(t, server)
			onceLocked(t, proxy, known.Username, func() {
				setOwnPassword(s, known.Username)
				if keepsWaiting {
					held = holdLogin(t, server, s, own)
					go func() { awaitLetIn(t, look, known.Username); close(held.goOn) }()
				}
			})
			_, err := run(t, s)
			proxy.BeforeEach(nil)
			if err != nil {
				t.Fatal(err)
			}
			if keepsWaiting && <-held.outcome == nil {
				t.Error("the thief's login comes in")
			}
			if _, err := s.Login(own); err == nil {
				t.Error("the thief logs in")
			}
			s.MustLogin("AWSCURRENT")
		})
	}
}

// onceLocked acts when the user is first seen locked, before the next message of revoke's.
func onceLocked(t *testing.T, proxy *pgfault.Proxy, user string, act func()) {
	t.Helper()
	look := pgtest.Superuser(t, server)
	var mu sync.Mutex
	var locked bool
	proxy.BeforeEach(func() {
		mu.Lock()
		defer mu.Unlock()
		if locked {
			return
		}
		if err := look.QueryRow(context.WithoutCancel(t.Context()), "SELECT NOT rolcanlogin FROM pg_roles WHERE rolname = $1", user).Scan(&locked); err != nil {
			t.Error(err)
		}
		if locked {
			act()
		}
	})
}

// setOwnPassword does what a session of the user's can do itself, until revoke ends it; here it has ended by then.
func setOwnPassword(s *localtest.Scene, user string) {
	s.SQL(fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", user, stolenVerifier))
}

// A reader that has replayed the first lock and the thief's own password, and not yet the last lock, takes logins by that password: one
// that begins there after revoke's first look does not come in either.
func TestReaderIsAwaitedUntilTheLastLock(t *testing.T) {
	t.Parallel()
	s, proxy := newFaultScene(t)
	reader := addReader(t, s)
	there := pgtest.Superuser(t, reader)
	known := s.Credential("AWSPREVIOUS")
	onceLocked(t, proxy, known.Username, func() {
		setOwnPassword(s, known.Username)
		pgtest.AwaitReplay(t, server, reader)
		pgtest.Exec(t, reader, "SELECT pg_wal_replay_pause()")
	})
	var late sync.WaitGroup
	var held heldLogin
	running, over := context.WithCancel(t.Context())
	late.Go(func() {
		if !awaitLook(running, t, there) {
			return
		}
		held = holdLogin(t, reader, s, localtest.Credential{Username: known.Username, Password: stolen})
		pgtest.Exec(t, reader, "SELECT pg_wal_replay_resume()")
		awaitLetIn(t, there, known.Username)
		close(held.goOn)
	})
	_, err := run(t, s)
	over()
	proxy.BeforeEach(nil)
	late.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if <-held.outcome == nil {
		t.Error("the thief logs in to the reader")
	}
	s.MustLogin("AWSCURRENT")
}

// awaitLook waits until revoke has looked once for logins under way on the instance, or is over.
func awaitLook(running context.Context, t *testing.T, there *pgx.Conn) (looked bool) {
	t.Helper()
	for !looked && running.Err() == nil {
		err := there.QueryRow(context.WithoutCancel(running), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query ~ 'authentication_timeout' AND state = 'idle' AND pid <> pg_backend_pid())").Scan(&looked)
		if err != nil {
			t.Error(err)
			return false
		}
	}
	return looked
}
