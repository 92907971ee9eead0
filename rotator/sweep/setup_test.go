package sweep_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/master"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/setup"
)

// The functions of setup lock, unlock and drop, also where the shared role has no power of its own.
func TestThroughTheFunctionsOfSetup(t *testing.T) {
	t.Parallel()
	underBothRules(t, testFunctions)
}

func testFunctions(t *testing.T, on *localpg.Server) {
	s := newStage(t, on, localaws.PublishOptions{})
	s.options.DeleteDays = 180
	s.exec("ALTER ROLE " + s.prefix + " NOCREATEROLE")
	s.exec(fmt.Sprintf("CREATE ROLE dba LOGIN CREATEROLE CREATEDB PASSWORD '%s'", password))
	s.exec("ALTER DATABASE " + s.prefix + " OWNER TO dba")
	s.exec("GRANT ALL ON SCHEMA public TO dba WITH GRANT OPTION")
	s.exec("REVOKE ALL ON SCHEMA public FROM " + s.prefix)
	if on.Major() >= 16 {
		for _, name := range []string{"", "_a", "_b"} {
			s.exec("GRANT " + s.prefix + name + " TO dba WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
		}
	}
	s.setMaster("dba")
	s.asMaster("dba", "CREATE ROLE "+s.prefix+"idle LOGIN PASSWORD '"+password+"'", "CREATE ROLE "+s.prefix+"old LOGIN PASSWORD '"+password+"'")
	s.setUp("dba")
	s.settle()
	idle, old, later := s.prefix+"idle", s.prefix+"old", s.user("later", 100) // later is made by a superuser, after setup
	s.exec("UPDATE user_login_status SET last_login_time = now() - interval '200 days' WHERE user_name = ANY ($1)", []string{idle, old})
	report := s.run()
	want := []string{idle, old}
	if on.Major() < 16 {
		want = []string{idle, later, old}
	}
	if got := closedUsers(report.Locked); !slices.Equal(got, want) {
		t.Fatalf("locked %q, want %q; reasons %q, failed %+v", got, want, report.Evidence.Reasons, report.Failed)
	}
	if on.Major() >= 16 {
		fix := string(script.AllowAlter(on.Major()*10000, "rotation_"+s.prefix, later))
		if len(report.Failed) != 1 || !strings.HasSuffix(report.Failed[0].Fix, fix) {
			t.Errorf("failed %+v, want %s with %q", report.Failed, later, fix)
		}
	}
	s.exec("UPDATE user_login_status SET locked_at = now() - interval '91 days' WHERE user_name = $1", old)
	if report = s.run(); !slices.Equal(closedUsers(report.Deleted), []string{old}) {
		t.Errorf("dropped %q, want %q; failed %+v, ready %+v", closedUsers(report.Deleted), old, report.Failed, report.ReadyToDelete)
	}
}

// setUp runs the real setup, as the master user.
func (s *stage) setUp(user string) {
	s.t.Helper()
	config := s.stack.Config()
	client := secretsmanager.NewFromConfig(config)
	text, err := json.Marshal(map[string]any{"engine": "postgres", "host": s.server.Host(), "port": s.server.Port(), "username": user,
		"password": password, "dbname": s.prefix, "ssl": false})
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := client.CreateSecret(s.t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("master"), SecretString: aws.String(string(text))})
	if err != nil {
		s.t.Fatal(err)
	}
	s.secret(map[string]any{"masterarn": *out.ARN})
	store := secret.NewStore(client)
	made := setup.New(store, master.NewFinder(store, rds.NewFromConfig(config), nil), rds.NewFromConfig(config), postgres.Opener{}, s.options.StateSchema)
	if _, err := made.Run(s.t.Context(), setup.Request{SecretID: s.prefix, For: role.ForSweep}); err != nil {
		s.t.Fatal(err)
	}
	s.secret(map[string]any{})
}
