package revoke_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
	"pgrotator/rotator/revoke"
)

var server *localpg.Server

var options = localpg.Options{Major: 15, TLS: true, Settings: map[string]string{"max_prepared_transactions": "20"}}

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of a revocation's time is waiting for a second look: more of them at once than there are processors.
	if err := flag.Set("test.parallel", "5"); err != nil {
		panic(err)
	}
	pgtest.Main(m, options, &server)
}

// newScene is a pair that setup has made and that has rotated once.
func newScene(t *testing.T, pg *localpg.Server) *localtest.Scene {
	t.Helper()
	s := localtest.New(t, pg, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster(), "dbClusterIdentifier": "orders"})
	s.Cluster("orders")
	s.MustSetup()
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	return s
}

// run revokes the scene's pair.
func run(t *testing.T, s *localtest.Scene) (revoke.Report, error) {
	t.Helper()
	answer, err := s.Invoke(map[string]any{"action": "revoke", "secretId": s.SecretID})
	var report revoke.Report
	if err == nil {
		err = json.Unmarshal([]byte(answer), &report)
	}
	return report, err
}

func TestRevokeOnEachMajor(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		t.Run("thief is out", func(t *testing.T) { thiefIsOut(t, pg) })
		if pg.Major() != server.Major() && pg.Major() != 18 && !localtest.Soaking() {
			return // what the master may do changed with 16: the major before and the newest show both
		}
		for name, test := range map[string]func(*testing.T, *localpg.Server){
			"pair of another secret": pairOfAnotherSecret, "secret that took another's place": secretThatTookAnothersPlace,
			"without a record": withoutARecord,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, pg)
			})
		}
	})
}

// Whatever AWS call fails, revoke run again ends as if nothing had happened.
func TestRevokeIsRepeatable(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"GetRandomPassword", "PutSecretValue", "DescribeSecret", "UpdateSecretVersionStage", "DescribeDBClusters"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, server)
			known := s.Credential("AWSCURRENT")
			var asked atomic.Bool
			s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
				if c.Operation == operation && c.Function != "" {
					if operation == "DescribeSecret" && !asked.Swap(true) { // at first, before anything is changed
						return nil
					}
					return localaws.Fail("AccessDeniedException", 400)
				}
				return nil
			})
			if answer, err := run(t, s); operation == "DescribeDBClusters" { // readers are told, and keep nobody out
				if err != nil || len(answer.Unseen) != 1 || !strings.Contains(answer.Unseen[0], "AccessDeniedException") {
					t.Errorf("unseen %q, error %v", answer.Unseen, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), "run revoke again") {
				t.Errorf("revoke: %v", err)
			}
			if operation == "GetRandomPassword" || operation == "PutSecretValue" { // no new credential: the pair is locked all the same
				mustBeClosed(t, s)
			}
			s.AWS.Intercept(nil)
			report, err := run(t, s)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Login(known); err == nil || len(report.Unseen) > 0 {
				t.Errorf("the old credential: %v; unseen %q, steps %q", err, report.Unseen, report.Steps)
			}
			s.MustLogin("AWSCURRENT")
			if err := s.Rotate(); err != nil {
				t.Fatal(err)
			}
			s.MustLogin("AWSCURRENT")
		})
	}
}

// mustBeClosed: neither user may log in, and the shared role may not let one in through the function.
func mustBeClosed(t *testing.T, s *localtest.Scene) {
	t.Helper()
	var open []string
	s.Ask(`SELECT coalesce(array_agg(what), '{}') FROM (
		SELECT rolname || ' may log in' FROM pg_roles WHERE rolname IN ($1, $2) AND rolcanlogin
		UNION ALL SELECT $3 || ' may execute ' || p.proname FROM pg_proc p WHERE p.proname = 'set_other_user' AND has_function_privilege($3, p.oid, 'EXECUTE')
	) AS x (what)`, []any{s.A, s.B, s.Shared}, &open)
	if len(open) > 0 {
		t.Errorf("%q", open)
	}
}

// Killed at any message to or from the database, revoke run again ends as if nothing had happened. A few messages will do, but for
// long campaigns.
func TestRevokeSurvivesBeingKilled(t *testing.T) {
	t.Parallel()
	s, proxy := newFaultScene(t)
	if _, err := run(t, s); err != nil {
		t.Fatal(err)
	}
	for _, point := range localtest.Points(proxy.Points(), 5) {
		t.Run(fmt.Sprintf("point %d", point), func(t *testing.T) {
			t.Parallel()
			s, proxy := newFaultScene(t)
			known := s.Credential("AWSCURRENT")
			proxy.Inject(point, pgfault.KillAfter, s.Function.Kill)
			if _, err := run(t, s); err != nil && !strings.Contains(err.Error(), "Runtime exited") {
				t.Error(err)
			}
			if _, err := run(t, s); err != nil {
				t.Fatal(err)
			}
			s.MustLogin("AWSCURRENT")
			if _, err := s.Login(known); err == nil {
				t.Errorf("%s still logs in with the old password", known.Username)
			}
			if err := s.Rotate(); err != nil {
				t.Fatal(err)
			}
			s.MustLogin("AWSCURRENT")
		})
	}
}

// newFaultScene stands behind a proxy whose messages are counted from the revocation on.
func newFaultScene(t *testing.T) (*localtest.Scene, *pgfault.Proxy) {
	t.Helper()
	proxy, err := pgfault.Start(t.Context(), fmt.Sprintf("127.0.0.1:%d", server.Port()))
	if err != nil {
		t.Fatal(err)
	}
	s := localtest.New(t, server, nil)
	s.Behind(proxy.Port())
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster(), "dbClusterIdentifier": "orders"})
	s.Cluster("orders")
	s.MustSetup()
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	proxy.Count()
	return s, proxy
}

// A secret's word is not enough to lock anybody: the pair must be one that setup has recorded.
func TestOnlyARecordedPairIsRevoked(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	arn := s.CreateMaster()
	s.ArticleRoles("")
	colleague := s.Shared + "colleague"
	s.SQL("CREATE ROLE "+colleague+" LOGIN PASSWORD 'his own'", fmt.Sprintf("GRANT %s TO %s", s.Shared, colleague))
	s.CreateSecret(map[string]any{"masterarn": arn, "usernames": []string{s.A, colleague}, "role": s.Shared})
	if _, err := run(t, s); err == nil || !strings.Contains(err.Error(), "none that setup has recorded") {
		t.Errorf("revoke: %v", err)
	}
	s.MustLogin("AWSCURRENT")
	if _, err := s.Login(localtest.Credential{Username: colleague, Password: "his own"}); err != nil {
		t.Errorf("the colleague was locked: %v", err)
	}
}

// Up to PostgreSQL 15 CREATEROLE of the shared role, or of a user, could undo it all, and with it a thief lets the users in again as fast
// as he can: it is taken away, and the statement that gives it back told.
func TestCreateRoleIsTakenAway(t *testing.T) {
	t.Parallel()
	s := newScene(t, server)
	creators := []string{s.Shared, s.A, s.B}
	for _, role := range creators {
		s.SQL("ALTER ROLE " + role + " CREATEROLE")
	}
	known, other := s.Credential("AWSCURRENT"), s.Credential("AWSPREVIOUS").Username
	stop := keepSetting(t, s, server, known, other, fmt.Sprintf("SET ROLE NONE; ALTER ROLE %s LOGIN PASSWORD '%s'", other, stolenVerifier))
	report, err := run(t, s)
	stop()
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range creators {
		var has bool
		s.Ask("SELECT rolcreaterole FROM pg_roles WHERE rolname = $1", []any{role}, &has)
		if told := strings.Join(report.Steps, "\n"); has || !strings.Contains(told, "ALTER ROLE \""+role+"\" CREATEROLE") {
			t.Errorf("CREATEROLE of %s: %v; steps\n%s", role, has, told)
		}
	}
	s.MustLogin("AWSCURRENT")
}

// With CREATEROLE a thief renames a user, up to PostgreSQL 15: the other is locked all the same, and the error has what brings the user back.
func TestThiefRenamesAUser(t *testing.T) {
	t.Parallel()
	s := newScene(t, server)
	s.SQL("ALTER ROLE " + s.Shared + " CREATEROLE")
	known, other := s.Credential("AWSCURRENT"), s.Credential("AWSPREVIOUS").Username
	conn := steal(t, server, s, known)
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("ALTER ROLE %s RENAME TO %[1]sx", other)); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, s)
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Fatalf("revoke: %v", err)
	}
	mustBeClosed(t, s)
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the thief's session lives")
	}
	s.SQLScriptAs(s.PG.URL(s.Master, localtest.PasswordMaster, s.Database), between(t, err.Error(), regexp.MustCompile(`CREATE ROLE .*;`)))
	if _, err := run(t, s); err != nil {
		t.Fatal(err)
	}
	s.MustLogin("AWSCURRENT")
}
