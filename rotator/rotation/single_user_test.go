package rotation_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localtest"
)

func newSingleScene(t *testing.T, pg *localpg.Server) *localtest.Scene {
	t.Helper()
	s := localtest.New(t, pg, nil)
	s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", s.A, localtest.PasswordA))
	s.B, s.Shared = s.A, s.A
	s.CreateSecret(map[string]any{"usernames": []string{s.A}})
	return s
}

// One user sets its own password, on every major.
func TestSingleUser(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		rotateAndCheck(t, newSingleScene(t, pg), 3)
	})
}

// Whatever the user becomes at login stays its own affair: a role that is gone, another role, itself.
func TestSingleUserThatBecomesAnotherRole(t *testing.T) {
	t.Parallel()
	for name, role := range map[string]string{"another": "app", "one that is gone": "gone"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSingleScene(t, server)
			group := s.A + role
			s.SQL("CREATE ROLE "+group, fmt.Sprintf("GRANT %s TO %s", group, s.A), fmt.Sprintf("ALTER ROLE %s SET role = %s", s.A, group))
			if role == "gone" {
				s.SQL("DROP ROLE " + group)
			} else {
				s.Shared = group
			}
			rotateAndCheck(t, s, 2)
		})
	}
}

// A password that setSecret had set, and that was lost before it became AWSCURRENT, is found under AWSPREVIOUS after the database was
// restored to the time before.
func TestSingleUserAfterARestore(t *testing.T) {
	t.Parallel()
	s := newSingleScene(t, server)
	rotateAndCheck(t, s, 1)
	s.SQL(fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", s.A, localtest.PasswordA))
	before := s.Credential("AWSCURRENT")
	mustRotate(t, s)
	checkRotated(t, s, before)
}

func TestSingleUserThatLogsInWithNothing(t *testing.T) {
	t.Parallel()
	s := newSingleScene(t, server)
	s.SQL(fmt.Sprintf("ALTER ROLE %s PASSWORD 'elsewhere'", s.A))
	mustRefuseRotation(t, s, "logs in with none of AWSCURRENT, AWSPENDING and AWSPREVIOUS")
	if current := s.ReadSecret("AWSCURRENT"); !strings.Contains(current, localtest.PasswordA) {
		t.Error("AWSCURRENT was changed")
	}
}

// AWSPREVIOUS of another server is not sent to this one, nor this user's password there.
func TestSingleUserDoesNotTryAnotherServersPassword(t *testing.T) {
	t.Parallel()
	port, connections := listen(t)
	s := newSingleScene(t, server)
	s.PutCurrent(s.Value(map[string]any{"usernames": []string{s.A}, "host": "127.0.0.1", "port": port, "ssl": false}))
	s.PutCurrent(s.Value(map[string]any{"usernames": []string{s.A}, "password": "not-the-Password"}))
	mustRefuseRotation(t, s, "AWSPREVIOUS is not this user's credential for this server")
	if n := connections(); n > 0 {
		t.Errorf("%d connections to the host of AWSPREVIOUS", n)
	}
}

// The master sets only a user that has just proven itself: the secret's writer may name anybody.
func TestSingleUserIsNotTakenOver(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, map[string]string{"PASSWORD_VALID_DAYS": "100"})
	arn := s.CreateMaster()
	s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'nobody knows it'", s.A))
	s.B, s.Shared = s.A, s.A
	s.CreateSecret(map[string]any{"usernames": []string{s.A}, "masterarn": arn})
	mustRefuseRotation(t, s, "logs in with none of")
}
