package revoke_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localtest"
)

// A colleague who may write a secret of his own names somebody else's pair in it, with the master's secret that is in reach there. An
// operator who repairs or revokes that secret hands him nothing, whichever user of the pair it names, and locks nobody.
func pairOfAnotherSecret(t *testing.T, pg *localpg.Server) {
	s := newScene(t, pg)
	owner := s.SecretID
	mustGainNothing(t, s, owner, s.A)
	mustGainNothing(t, s, owner, s.B)
	s.SQL(forget(s)) // as 1.0 recorded pairs
	mustGainNothing(t, s, owner, s.A)
	mustGainNothing(t, s, owner, s.B)
}

// forget takes the record of its secret from a pair, as setup left one before it wrote it.
func forget(s *localtest.Scene) string { return "COMMENT ON SCHEMA rotation_" + s.Shared + " IS NULL" }

func mustGainNothing(t *testing.T, s *localtest.Scene, owner, user string) {
	t.Helper()
	own := s.Credential("AWSCURRENT")
	master := secretOf(t, s.ReadSecret("AWSCURRENT"))["masterarn"]
	before := s.Verifiers()
	s.SecretID = s.PutNewSecret(rand.Text(), s.Value(map[string]any{"username": user, "password": stolen, "masterarn": master}))
	defer func() { s.SecretID = owner }()
	if _, err := s.Repair(); err == nil || !strings.Contains(err.Error(), "AWSCURRENT does not log in, and") || !strings.Contains(err.Error(), "COMMENT ON SCHEMA") {
		t.Errorf("repair: %v", err)
	}
	if _, err := run(t, s); err == nil || !strings.Contains(err.Error(), "COMMENT ON SCHEMA") {
		t.Errorf("revoke: %v", err)
	}
	if after := s.Verifiers(); after != before {
		t.Errorf("the roles were\n%s\nand are\n%s", before, after)
	}
	if _, err := s.Login(own); err != nil {
		t.Errorf("the application is out: %v", err)
	}
}

func secretOf(t *testing.T, text string) (value map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// A secret that has taken another's place, beside a restored database that has neither password of it: the statement of the error, run
// as the master, makes the pair this one's.
func secretThatTookAnothersPlace(t *testing.T, pg *localpg.Server) {
	for name, act := range map[string]func(*localtest.Scene) error{
		"repair": func(s *localtest.Scene) error { _, err := s.Repair(); return err },
		"revoke": func(s *localtest.Scene) error { _, err := run(t, s); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, pg)
			value := secretOf(t, s.ReadSecret("AWSCURRENT"))
			value["password"] = "of the new secret"
			s.SecretID = s.PutNewSecret("copy", value)
			err := act(s)
			if err == nil || !strings.Contains(err.Error(), "is that of secret ") {
				t.Fatal(err)
			}
			statement := between(t, err.Error(), regexp.MustCompile(`(?:GRANT|COMMENT ON SCHEMA) .*;`))
			s.SQLScriptAs(s.PG.URL(s.Master, localtest.PasswordMaster, s.Database), statement)
			if err := act(s); err != nil {
				t.Fatal(err)
			}
			s.MustLogin("AWSCURRENT")
			nothingIsLeft(t, s)
		})
	}
}

// between finds what people are told to run.
func between(t *testing.T, told string, statements *regexp.Regexp) string {
	t.Helper()
	found := statements.FindString(told)
	if found == "" {
		t.Fatalf("%q gives no statement", told)
	}
	return found
}

// A pair that 1.0's setup recorded is revoked where a version of the secret shows its password, also of a user that is NOLOGIN, and is
// the secret's for good once setup has seen it log in.
func TestRecordOfTheFirstVersion(t *testing.T) {
	t.Parallel()
	s := newScene(t, server)
	s.SQL(forget(s), fmt.Sprintf("ALTER ROLE %s NOLOGIN", s.Credential("AWSCURRENT").Username),
		fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", s.Credential("AWSPREVIOUS").Username, stolen))
	if _, err := run(t, s); err != nil {
		t.Fatal(err)
	}
	s.MustLogin("AWSCURRENT")
	changed, err := s.Setup()
	if want := "recorded that the pair is of secret " + s.SecretID; err != nil || len(changed) != 1 || changed[0] != want {
		t.Errorf("setup changed %q, error %v; want %q", changed, err, want)
	}
	s.SQL(fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", s.A, stolen), fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", s.B, stolen))
	if _, err := run(t, s); err != nil { // neither version logs in
		t.Fatal(err)
	}
	s.MustLogin("AWSCURRENT")
}

// unrecorded are secrets of pairs and users that setup has not made, and that the master may set.
var unrecorded = map[string]func(*localtest.Scene) map[string]any{
	"the article's pair": func(s *localtest.Scene) map[string]any {
		s.ArticleRoles("CREATEROLE")
		return nil
	},
	"a named pair": func(s *localtest.Scene) map[string]any {
		s.ArticleRoles("")
		clone := s.A + "_clone"
		s.SQLAs(s.PG.URL(s.Master, localtest.PasswordMaster, s.Database), "ALTER ROLE "+s.B+" RENAME TO "+clone, "COMMENT ON ROLE "+clone+" IS 'pgrotator: twin of "+s.A+"'")
		s.B = clone
		return map[string]any{"usernames": []string{s.A, s.B}, "role": s.Shared}
	},
	"a single user": func(s *localtest.Scene) map[string]any {
		s.SQLAs(s.PG.URL(s.Master, localtest.PasswordMaster, s.Database), fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", s.A, localtest.PasswordA))
		s.B, s.Shared = s.A, s.A
		return map[string]any{"usernames": []string{s.A}}
	},
}

func newUnrecorded(t *testing.T, pg *localpg.Server, prepare func(*localtest.Scene) map[string]any) *localtest.Scene {
	t.Helper()
	s := localtest.New(t, pg, nil)
	keys := map[string]any{"masterarn": s.CreateMaster()}
	for key, value := range prepare(s) {
		keys[key] = value
	}
	s.CreateSecret(keys)
	return s
}

// Without a record a pair or a single user is revoked where a version of the secret proves it; a fault anywhere leaves it repeatable.
func withoutARecord(t *testing.T, pg *localpg.Server) {
	for name, prepare := range unrecorded {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newUnrecorded(t, pg, prepare)
			known := s.Credential("AWSCURRENT")
			session := steal(t, pg, s, known)
			for _, fault := range []func(localaws.Call) localaws.Outcome{refusing("GetRandomPassword"), refusing("UpdateSecretVersionStage"),
				killing("PutSecretValue"), killing("PutSecretValue"), nil} { // between AWSPENDING and the lock nobody has its password
				s.AWS.Intercept(fault)
				if _, err := run(t, s); (err != nil) != (fault != nil) {
					t.Fatal(err)
				}
			}
			if err := session.Ping(t.Context()); err == nil {
				t.Error("the thief's session lives")
			}
			if _, err := s.Login(known); err == nil {
				t.Error("the old credential logs in")
			}
			s.MustLogin("AWSCURRENT")
			s.SQL("COMMENT ON ROLE " + s.A + " IS 'pgrotator: twin of " + s.B + "'") // which only the master may set now
			if err := s.Rotate(); err != nil {
				t.Fatal(err)
			}
			s.MustLogin("AWSCURRENT")
		})
	}
}

// killing kills the function once an operation of its is done.
func killing(operation string) func(localaws.Call) localaws.Outcome {
	return func(c localaws.Call) localaws.Outcome {
		if c.Operation == operation && c.Function != "" {
			return localaws.KillAfter
		}
		return nil
	}
}

// refusing refuses an operation of the function's.
func refusing(operation string) func(localaws.Call) localaws.Outcome {
	return func(c localaws.Call) localaws.Outcome {
		if c.Operation == operation && c.Function != "" {
			return localaws.Fail("AccessDeniedException", 400)
		}
		return nil
	}
}

// Where nothing proves a pair or a user, nobody is locked, and the error says what to do by hand.
func TestRevokeWithoutAProof(t *testing.T) {
	t.Parallel()
	for name, prepare := range unrecorded {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newUnrecorded(t, server, prepare)
			s.SQL(fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", s.A, stolen))
			before := s.Verifiers()
			_, err := run(t, s)
			if err == nil || !strings.Contains(err.Error(), "no version of it logs in") || !strings.Contains(err.Error(), `ALTER ROLE "`+s.A+`" NOLOGIN;`) {
				t.Errorf("revoke: %v", err)
			}
			if after := s.Verifiers(); after != before {
				t.Errorf("the roles were\n%s\nand are\n%s", before, after)
			}
		})
	}
}

// A secret of the master itself, with itself as the master: it would lock itself out.
func TestMasterIsNotRevoked(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	arn := s.CreateMaster()
	s.SQL("REVOKE rds_superuser FROM " + s.Master)
	s.CreateSecret(map[string]any{"masterarn": arn, "username": s.Master, "password": localtest.PasswordMaster, "usernames": []string{s.Master}})
	before := s.Verifiers()
	if _, err := run(t, s); err == nil || !strings.Contains(err.Error(), "is the master itself") {
		t.Errorf("revoke: %v", err)
	}
	if after := s.Verifiers(); after != before {
		t.Errorf("the roles were\n%s\nand are\n%s", before, after)
	}
}

// A thief can change whom his users become at login, and so where a look at them would expect the record: it is found all the same.
func TestThiefHidesTheRecord(t *testing.T) {
	t.Parallel()
	s := newScene(t, server)
	s.SQL("CREATE ROLE "+s.Shared+"other", fmt.Sprintf("ALTER ROLE %s SET role = %sother", s.A, s.Shared), fmt.Sprintf("ALTER ROLE %s SET role = %sother", s.B, s.Shared))
	if _, err := run(t, s); err != nil {
		t.Fatal(err)
	}
	if became, err := s.Login(s.Credential("AWSCURRENT")); err != nil || became != s.Shared {
		t.Errorf("AWSCURRENT becomes %s, error %v", became, err)
	}
}

// A record in another database, in a schema that a stranger has made there, is none: the secret's writer also chooses the database.
func TestRecordInAStrangersDatabase(t *testing.T) {
	t.Parallel()
	s := newScene(t, server)
	value := secretOf(t, s.ReadSecret("AWSCURRENT"))
	value["dbname"], value["password"] = s.Shared+"spydb", stolen
	s.SecretID = s.PutNewSecret("spy", value)
	s.SQL("CREATE ROLE "+s.Shared+"spy LOGIN CREATEDB PASSWORD 'spy'", "CREATE DATABASE "+s.Shared+"spydb OWNER "+s.Shared+"spy")
	s.SQLAs(s.PG.URL(s.Shared+"spy", "spy", s.Shared+"spydb"), "CREATE SCHEMA rotation_"+s.Shared, fmt.Sprintf("COMMENT ON SCHEMA rotation_%s IS 'pgrotator: secret %s'", s.Shared, s.SecretID))
	value["dbname"] = "postgres" // where setup has made nothing
	elsewhere := s.PutNewSecret("elsewhere", value)
	if _, err := s.Invoke(map[string]any{"action": "revoke", "secretId": elsewhere}); err == nil || !strings.Contains(err.Error(), "setup has made nothing of it in database") {
		t.Errorf("revoke: %v", err)
	}
	before := s.Verifiers()
	if _, err := run(t, s); err == nil || !strings.Contains(err.Error(), "no version of it logs in") {
		t.Errorf("revoke: %v", err)
	}
	if _, err := s.Repair(); err == nil || !strings.Contains(err.Error(), "neither setup's record nor a login shows") {
		t.Errorf("repair: %v", err)
	}
	if after := s.Verifiers(); after != before {
		t.Errorf("the roles were\n%s\nand are\n%s", before, after)
	}
}
