package rotation_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localtest"
)

// A user may set its own role for one database, which wins over what the rotation mends: then it does not become the shared role,
// and must not become AWSCURRENT.
func TestUserThatBecomesAnotherRoleInThisDatabaseIsNotPromoted(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.SQL(fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET role = 'none'", s.B, s.Database))
	s.CreateSecret(nil)
	if err := s.Rotate(); err == nil || !strings.Contains(err.Error(), "still does not become its shared role") {
		t.Errorf("rotating: %v", err)
	}
	if current := s.Credential("AWSCURRENT"); current.Username != s.A {
		t.Errorf("AWSCURRENT is %s", current.Username)
	}
}

// The user that lost its setting makes it again itself, also while another role is its own at login: where the secret names the
// shared role, there is no doubt which of the two is meant.
func TestSettingOfAnotherRoleIsMended(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	s.SQL(fmt.Sprintf("CREATE ROLE %s_legacy", s.Shared), fmt.Sprintf("GRANT %[1]s_legacy TO %[2]s", s.Shared, s.B),
		fmt.Sprintf("ALTER ROLE %s SET role = %s_legacy", s.B, s.Shared))
	mustRefuseRotation(t, s, fmt.Sprintf(`user %q becomes "%s_legacy" when it logs in, and user %q becomes %q: name the pair's shared role`, s.B, s.Shared, s.A, s.Shared))
	s.ClearPending()
	s.PutCurrent(s.Value(map[string]any{"role": s.Shared}))
	rotateAndCheck(t, s, 2)
}

// X of X_a and X_b may be a stranger's: what both users become at login is their shared role, and else what one of them does.
func TestStrangerNamedLikeTheStem(t *testing.T) {
	t.Parallel()
	for name, reset := range map[string]string{"both become another": "", "one becomes another": "RESET"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			stranger := s.Shared
			s.Shared += "_rw"
			s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN", stranger))
			s.ArticleRoles("CREATEROLE")
			if reset != "" {
				s.SQL(fmt.Sprintf("ALTER ROLE %s RESET role", s.B))
			}
			s.CreateSecret(nil)
			rotateAndCheck(t, s, 2)
			var members int
			s.Ask("SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = $1", []any{stranger}, &members)
			if members > 0 {
				t.Errorf("%s has %d members", stranger, members)
			}
		})
	}
}

// Without any setting X is the shared role where it exists.
func TestStemIsTheSharedRoleWithoutSettings(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	s.SQL(fmt.Sprintf("ALTER ROLE %s RESET role", s.B))
	rotateAndCheck(t, s, 1)
}
