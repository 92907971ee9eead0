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

// The user that lost its setting makes it again itself, also while another role is its own at login.
func TestSettingOfAnotherRoleIsMended(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	s.SQL(fmt.Sprintf("CREATE ROLE %s_legacy", s.Shared), fmt.Sprintf("GRANT %[1]s_legacy TO %[2]s", s.Shared, s.B),
		fmt.Sprintf("ALTER ROLE %s SET role = %s_legacy", s.B, s.Shared))
	rotateAndCheck(t, s, 2)
}
