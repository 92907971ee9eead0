package rotation_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/iamfront"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/protocol"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// PostgreSQL itself asks the master for a token in clear text, over its own TLS, and leaves the judging to a directory: a second opinion
// on what the front plays.
func TestMasterByTokenAndDirectory(t *testing.T) {
	t.Parallel()
	pg, directory := newDirectoryServer(t)
	s := localtest.New(t, pg, nil)
	directory.For(fmt.Sprintf("%s:%d", s.Host, s.Port))
	s.CreateMaster()
	s.SQL("CREATE ROLE rds_iam", "GRANT rds_iam TO "+s.Master)
	s.CreateSecret(map[string]any{"masteriam": s.Master})
	s.MustSetup()
	rotateAndCheck(t, s, 2)
	logins := directory.Logins()
	if len(logins) == 0 {
		t.Fatal("nobody logged in by token")
	}
	for _, login := range logins {
		if login.User != s.Master || login.Refused != "" {
			t.Errorf("%s by token: %q", login.User, login.Refused)
		}
	}
	mustNotLogTokens(t, s, logins)
	directory.For("elsewhere:5432")
	if _, err := s.Setup(); err == nil || !strings.Contains(err.Error(), "LDAP authentication failed") {
		t.Errorf("a token for another address: %v", err)
	}
}

// newDirectoryServer is a server of its own that asks a directory about the members of rds_iam. The builds from npm have no LDAP.
func newDirectoryServer(t *testing.T) (*localpg.Server, *iamfront.Directory) {
	t.Helper()
	directory, err := iamfront.StartDirectory(t.Context(), iamfront.Key{Region: localaws.Region, SecretKey: protocol.SecretAccessKey})
	if err != nil {
		t.Fatal(err)
	}
	asking := options
	asking.HBA = []string{"hostssl all +rds_iam 127.0.0.1/32 " + directory.HBA()}
	pg, err := localpg.Start(t.Context(), asking)
	if err != nil && strings.Contains(err.Error(), "not supported by this build") {
		t.Skip("this PostgreSQL was built without LDAP")
	}
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Own(t, pg)
	return pg, directory
}
