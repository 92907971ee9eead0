package check_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/check"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

var server *localpg.Server

func TestMain(m *testing.M) {
	pgtest.Main(m, localpg.Options{Major: 15, TLS: true}, &server)
}

func run(t *testing.T, s *localtest.Scene, purpose string) check.Report {
	t.Helper()
	answer, err := s.Invoke(map[string]any{"action": "check", "secretId": s.SecretID, "for": purpose})
	if err != nil {
		t.Fatal(err)
	}
	var report check.Report
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		t.Fatal(err)
	}
	return report
}

func find(t *testing.T, report check.Report, name string) check.Result {
	t.Helper()
	for _, result := range report.Checks {
		if result.Name == name {
			return result
		}
	}
	t.Fatalf("no check %q in %+v", name, report.Checks)
	return check.Result{}
}

func TestAllIsWellAfterSetup(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	if _, err := s.Setup(); err != nil {
		t.Fatal(err)
	}
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	report := run(t, s, role.ForRotation)
	if !report.OK {
		t.Errorf("not ok: %+v", report.Checks)
	}
	for name, detail := range map[string]string{
		"tls": "signed by", "way": "function", "primary": "PostgreSQL 15", "previous login": s.A + " logs in", "shared role": s.Shared,
	} {
		if result := find(t, report, name); !strings.Contains(result.Detail, detail) {
			t.Errorf("check %q says %q, want %q in it", name, result.Detail, detail)
		}
	}
}

// check tells which secret the pair is recorded for, and what to do where that is not this one.
func TestRecord(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	of := func(secret string) string { return "COMMENT ON SCHEMA rotation_" + s.Shared + " IS " + secret }
	for _, c := range []struct{ statement, detail, fix string }{
		{"SELECT", "for this secret", ""},
		{of("'pgrotator: secret arn:another'"), "for secret arn:another", `COMMENT ON SCHEMA "rotation_` + s.Shared + `" IS 'pgrotator: secret ` + s.SecretID + `';`},
		{of("NULL"), "has not recorded which secret", "Run setup again."},
		{"COMMENT ON ROLE rotation_" + s.Shared + " IS NULL", "has not made this pair", ""},
	} {
		s.SQL(c.statement)
		if r := find(t, run(t, s, role.ForRotation), "record"); !r.OK || !strings.Contains(r.Detail, c.detail) || !strings.Contains(r.Fix, c.fix) || (r.Fix == "") != (c.fix == "") {
			t.Errorf("%s: %+v, want %q and %q", c.statement, r, c.detail, c.fix)
		}
	}
}

// Each case breaks one thing, and expects the check of that name to fail and to say what to do.
func TestWhatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breakIt func(s *localtest.Scene)
		check   string
		fix     string
	}{
		"no setup and no masterarn": {func(s *localtest.Scene) { s.CreateSecret(nil) }, "way", "Run setup"},
		"a password that is not the user's": {func(s *localtest.Scene) {
			s.CreateSecret(map[string]any{"password": "another-Password1"})
		}, "current login", "run setup"},
		"a user that is neither X_a nor X_b": {func(s *localtest.Scene) {
			s.CreateSecret(map[string]any{"username": "app"})
		}, "pair", "usernames"},
		"a value without host": {func(s *localtest.Scene) { s.CreateSecret(map[string]any{"host": nil}) }, "secret", "Correct the secret's value"},
		"a partner outside the shared role": {func(s *localtest.Scene) {
			s.SQL(fmt.Sprintf("REVOKE %s FROM %s", s.Shared, s.B))
			s.CreateSecret(nil)
		}, "shared role", "GRANT"},
		"a current user that does not become the shared role": {func(s *localtest.Scene) {
			s.SQL(fmt.Sprintf("ALTER ROLE %s RESET role", s.A))
			s.CreateSecret(nil)
		}, "shared role", "ALTER ROLE"},
		"a partner that may not connect": {func(s *localtest.Scene) {
			s.SQL(fmt.Sprintf("ALTER ROLE %s CONNECTION LIMIT 0", s.B))
			s.CreateSecret(nil)
		}, "other user", "CONNECTION LIMIT -1"},
		"a master of another server": {func(s *localtest.Scene) {
			elsewhere := s.Value(map[string]any{"host": "elsewhere.example", "username": "master"})
			s.CreateSecret(map[string]any{"masterarn": s.PutNewSecret("elsewhere", elsewhere)})
		}, "way", "setup"},
		"an engine of another kind": {func(s *localtest.Scene) { s.CreateSecret(map[string]any{"engine": "mysql"}) }, "secret", "Correct the secret's value where the detail says"},
		"a port that is none":       {func(s *localtest.Scene) { s.CreateSecret(map[string]any{"port": "abc"}) }, "secret", "Correct the secret's value"},
		"an AWSPENDING left over": {func(s *localtest.Scene) {
			s.CreateSecret(nil)
			s.Begin()
		}, "pending", "--remove-from-version-id"},
		"a blue/green deployment under way": {func(s *localtest.Scene) {
			s.CreateSecret(map[string]any{"dbClusterIdentifier": "orders"})
			s.AWS.SetBlueGreenDeployment(types.BlueGreenDeployment{
				BlueGreenDeploymentIdentifier: aws.String("bgd-1"), BlueGreenDeploymentName: aws.String("upgrade"), Status: aws.String("AVAILABLE"),
				Source: aws.String("arn:aws:rds:us-east-1:123456789012:cluster:orders")})
		}, "blue/green", `Switch deployment "upgrade" over`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.ArticleRoles("")
			c.breakIt(s)
			report := run(t, s, role.ForRotation)
			result := find(t, report, c.check)
			if report.OK || result.OK {
				t.Errorf("check %q passes: %q", c.check, result.Detail)
			}
			if !strings.Contains(result.Fix, c.fix) {
				t.Errorf("check %q says to do %q, want %q in it", c.check, result.Fix, c.fix)
			}
			if strings.Contains(fmt.Sprint(report), localtest.PasswordA) {
				t.Errorf("the report holds the password: %+v", report)
			}
		})
	}
}

// Before setup makes a login whose password the secret's writer knows, check tells of it, and so does setup's own answer.
func TestWhomSetupWouldMake(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	want := []string{`role "` + s.Shared + `", which both`, `user "` + s.A + `", who logs in with the password that the secret holds`, `user "` + s.B + `", who logs in from`}
	told := find(t, run(t, s, role.ForRotation), "setup")
	answer, err := s.Invoke(map[string]any{"action": "setup", "secretId": s.SecretID})
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Makes []string }
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		t.Fatal(err)
	}
	for _, name := range want {
		if !strings.Contains(told.Detail, name) || !strings.Contains(strings.Join(report.Makes, "; "), name) {
			t.Errorf("check says %q, setup %q; want %q in both", told.Detail, report.Makes, name)
		}
	}
}

// What 1.0 had set up on 15 lacks what an upgrade asks for: check tells, and setup gives it.
func TestWhatAnUpgradeAsksFor(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	s.SQL(fmt.Sprintf("REVOKE %s FROM rotation_%s", s.A, s.Shared))
	if told := find(t, run(t, s, role.ForRotation), "upgrade"); !strings.Contains(told.Fix, fmt.Sprintf("GRANT %s TO rotation_%s WITH ADMIN OPTION", s.A, s.Shared)) {
		t.Errorf("check says to do %q", told.Fix)
	}
	s.MustSetup()
	if told := find(t, run(t, s, role.ForRotation), "upgrade"); told.Fix != "" {
		t.Errorf("after setup check says to do %q", told.Fix)
	}
}

func TestValidityBesideTheInterval(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, map[string]string{"PASSWORD_VALID_DAYS": "60"})
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	if err := s.Rotate(); err == nil || !strings.Contains(err.Error(), "PASSWORD_VALID_DAYS is 60") {
		t.Errorf("rotating every 30 days with passwords valid for 60: %v", err)
	}
	if result := find(t, run(t, s, role.ForRotation), "valid until"); result.OK {
		t.Errorf("check passes: %q", result.Detail)
	}
}

// check promises to change nothing: roles, settings, memberships and versions are as before.
func TestChecksChangeNothing(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	if _, err := s.Setup(); err != nil {
		t.Fatal(err)
	}
	before := catalog(t, s)
	s.AWS.ResetCalls()
	run(t, s, role.ForRotation)
	if after := catalog(t, s); after != before {
		t.Errorf("the catalogs changed from\n%s\nto\n%s", before, after)
	}
	for _, call := range s.AWS.Calls() {
		if strings.HasPrefix(call.Operation, "Put") || strings.HasPrefix(call.Operation, "Update") {
			t.Errorf("check called %s", call.Operation)
		}
	}
}

func catalog(t *testing.T, s *localtest.Scene) string {
	t.Helper()
	var state string
	err := pgtest.Superuser(t, server).QueryRow(t.Context(), `
		SELECT concat((SELECT json_agg(r ORDER BY r.rolname) FROM pg_authid r WHERE r.rolname LIKE $1),
		              (SELECT json_agg(m ORDER BY m.roleid, m.member) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE $1),
		              (SELECT json_agg(d ORDER BY d.setrole) FROM pg_db_role_setting d JOIN pg_roles r ON r.oid = d.setrole WHERE r.rolname LIKE $1))`,
		"%"+s.Shared+"%").Scan(&state)
	if err != nil {
		t.Fatal(err)
	}
	return state
}
