package rotation_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localtest"
)

// Whoever may write the secret must not gain more than the secret. Each lie here would, without the guard that is named by the
// error, have the master or the pair's function do something for its writer.

// lie is a secret that names somebody, with the master's secret in reach. prepare makes the roles and gives the keys to put in.
type lie struct {
	name    string
	prepare func(s *localtest.Scene) map[string]any
	refusal string
}

// pairWith makes the article's roles and one more role, which the secret names as the partner of a.
func pairWith(create ...string) func(s *localtest.Scene) map[string]any {
	return func(s *localtest.Scene) map[string]any {
		s.ArticleRoles("")
		s.B = s.Shared + "other"
		for _, statement := range create {
			s.SQL(strings.NewReplacer("OTHER", s.B, "SHARED", s.Shared, "MASTER", s.Master, "USER_A", s.A).Replace(statement))
		}
		return map[string]any{"usernames": []string{s.A, s.B}, "role": s.Shared}
	}
}

// byAnotherApplication has masterarn name the secret of an application that may make roles, and up to PostgreSQL 15 alter everybody's.
func byAnotherApplication(create ...string) func(s *localtest.Scene) map[string]any {
	return func(s *localtest.Scene) map[string]any {
		s.SQL(fmt.Sprintf("CREATE ROLE %selse LOGIN CREATEROLE PASSWORD '%s'", s.Shared, localtest.PasswordMaster))
		keys := pairWith(create...)(s)
		keys["masterarn"] = s.PutNewSecret("application", s.Value(map[string]any{"username": s.Shared + "else", "password": localtest.PasswordMaster,
			"dbInstanceIdentifier": "of-master"}))
		return keys
	}
}

var lies = []lie{
	{"partner is a stranger", pairWith("CREATE ROLE OTHER LOGIN"), "cannot become the shared role"},
	{"partner is the master", func(s *localtest.Scene) map[string]any {
		s.ArticleRoles("")
		s.B = s.Master
		return map[string]any{"usernames": []string{s.A, s.B}, "role": s.Shared}
	}, "is a superuser or a member of rds_superuser"},
	{"partner is the master, without rds_superuser", func(s *localtest.Scene) map[string]any {
		keys := pairWith("REVOKE rds_superuser FROM MASTER", "ALTER DATABASE MASTERdb OWNER TO postgres",
			"GRANT SHARED TO MASTER", "ALTER ROLE USER_A CREATEROLE CREATEDB", "COMMENT ON ROLE MASTER IS 'pgrotator: twin of USER_A'")(s)
		s.B = s.Master
		keys["usernames"] = []string{s.A, s.B}
		return keys
	}, "is the master itself"},
	{"partner is a superuser", pairWith("CREATE ROLE OTHER LOGIN SUPERUSER"), "is a superuser or a member of rds_superuser"},
	{"partner is a member of rds_superuser", pairWith("CREATE ROLE OTHER LOGIN IN ROLE SHARED, rds_superuser"), "is a superuser or a member of rds_superuser"},
	{"partner has a reserved name", func(s *localtest.Scene) map[string]any {
		keys := pairWith("CREATE ROLE rds_SHARED LOGIN IN ROLE SHARED")(s)
		s.B = "rds_" + s.Shared
		keys["usernames"] = []string{s.A, s.B}
		return keys
	}, "keeps for its own roles"},
	{"partner has an attribute more", pairWith("CREATE ROLE OTHER LOGIN CREATEDB IN ROLE SHARED"), "it has the attribute CREATEDB"},
	{"partner has CREATEROLE more", pairWith("CREATE ROLE OTHER LOGIN CREATEROLE IN ROLE SHARED"), "it has the attribute CREATEROLE"},
	{"partner has REPLICATION more", pairWith("CREATE ROLE OTHER LOGIN REPLICATION IN ROLE SHARED"), "it has the attribute REPLICATION"},
	{"partner has BYPASSRLS more", pairWith("CREATE ROLE OTHER LOGIN BYPASSRLS IN ROLE SHARED"), "it has the attribute BYPASSRLS"},
	{"partner has a membership more", pairWith("CREATE ROLE SHAREDpayroll", "CREATE ROLE OTHER LOGIN IN ROLE SHARED, SHAREDpayroll"), "it has membership in"},
	{"partner is a person with objects", pairWith("CREATE ROLE OTHER LOGIN IN ROLE SHARED", "CREATE SCHEMA SHAREDs AUTHORIZATION OTHER"),
		"it has objects or grants of its own"},
	{"partner is a person with grants", pairWith("CREATE ROLE OTHER LOGIN IN ROLE SHARED", "CREATE TABLE SHAREDt ()", "GRANT SELECT ON SHAREDt TO OTHER"),
		"it has objects or grants of its own"},
	{"partner is a colleague", pairWith("CREATE ROLE OTHER LOGIN IN ROLE SHARED"), "nothing that it could not have said itself tells that it is the twin"},
	{"partner is a colleague who becomes the group too", pairWith("CREATE ROLE OTHER LOGIN IN ROLE SHARED", "ALTER ROLE OTHER SET role = 'SHARED'"),
		"COMMENT ON ROLE"},
	{"partner is somebody else's twin", pairWith("CREATE ROLE OTHER LOGIN IN ROLE SHARED", "COMMENT ON ROLE OTHER IS 'pgrotator: twin of USER_A2'"), "COMMENT ON ROLE"},
	{"partner's record is forged", pairWith("CREATE ROLE OTHER LOGIN IN ROLE SHARED", "CREATE ROLE rotation_SHARED NOLOGIN",
		`DO $$ BEGIN EXECUTE format('COMMENT ON ROLE rotation_SHARED IS %L', json_build_object('role', 'SHARED', 'users', json_build_array('USER_A', 'OTHER'))); END $$`),
		"COMMENT ON ROLE"},
	{"masterarn is another application's", byAnotherApplication(), "is not the master user at"},
	{"masterarn is another application's, which administers one of the two", byAnotherApplication("CREATE ROLE OTHER LOGIN IN ROLE SHARED",
		"COMMENT ON ROLE OTHER IS 'pgrotator: twin of USER_A'", "GRANT OTHER TO SHAREDelse WITH ADMIN OPTION"), "is not the master user at"},
	{"masterarn is another application's, which is a member of both", byAnotherApplication("CREATE ROLE OTHER LOGIN IN ROLE SHARED",
		"COMMENT ON ROLE OTHER IS 'pgrotator: twin of USER_A'", "GRANT OTHER, USER_A TO SHAREDelse"), "is not the master user at"},
	{"role is rds_superuser", func(s *localtest.Scene) map[string]any {
		s.ArticleRoles("")
		return map[string]any{"role": "rds_superuser"}
	}, "keeps for its own roles"},
	{"role is one of the pair", func(s *localtest.Scene) map[string]any {
		s.ArticleRoles("")
		return map[string]any{"role": s.B}
	}, "is one of the pair"},
	{"partner is beyond the master", pairWith("ALTER ROLE USER_A REPLICATION", "CREATE ROLE OTHER LOGIN REPLICATION IN ROLE SHARED",
		"COMMENT ON ROLE OTHER IS 'pgrotator: twin of USER_A'"), "the master cannot set user"},
	{"role is a member of rds_superuser", pairWith("GRANT rds_superuser TO SHARED", "CREATE ROLE OTHER LOGIN IN ROLE SHARED"), "is a superuser or a member of rds_superuser"},
	{"role is one that AWSCURRENT does not become, for a partner to be made", func(s *localtest.Scene) map[string]any {
		keys := pairWith("CREATE ROLE SHAREDpayroll")(s)
		keys["role"] = s.Shared + "payroll"
		return keys
	}, "logs in and is"},
	{"role is a colleague's group, which nobody is told to grant", func(s *localtest.Scene) map[string]any {
		keys := pairWith("CREATE ROLE SHAREDpayroll", "CREATE ROLE OTHER LOGIN IN ROLE SHAREDpayroll")(s)
		keys["role"] = s.Shared + "payroll"
		return keys
	}, "nothing shows that"},
	{"pair without a shared role, for a partner to be made", func(s *localtest.Scene) map[string]any {
		keys := pairWith("ALTER ROLE USER_A RESET role")(s)
		delete(keys, "role")
		s.A, s.B = s.A+"1", s.A+"2"
		s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", s.A, localtest.PasswordA))
		keys["username"], keys["usernames"] = s.A, []string{s.A, s.B}
		return keys
	}, "has no shared role"},
	{"host is not the master's", func(s *localtest.Scene) map[string]any {
		s.ArticleRoles("")
		return map[string]any{"host": "127.0.0.1"}
	}, "the master must be of the same host or cluster"},
	{"port is not the master's", func(s *localtest.Scene) map[string]any {
		s.ArticleRoles("")
		relay, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		relay.Close()
		return map[string]any{"masterarn": s.PutNewSecret("elsewhere", s.Value(map[string]any{
			"username": s.Master, "password": localtest.PasswordMaster, "port": relay.Addr().(*net.TCPAddr).Port}))}
	}, "the master must be of the same host or cluster"},
}

func TestSecretGainsNothingByLying(t *testing.T) {
	t.Parallel()
	for _, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			mustNotBelieve(t, server, l)
		})
	}
}

func mustNotBelieve(t *testing.T, pg *localpg.Server, l lie) {
	t.Helper()
	s := localtest.New(t, pg, nil)
	arn := s.CreateMaster()
	keys := l.prepare(s)
	if _, given := keys["masterarn"]; !given {
		keys["masterarn"] = arn
	}
	s.CreateSecret(keys)
	mustRefuseRotation(t, s, l.refusal)
}

// The COMMENT that the error gives makes the partner known: run by the master, it heals.
func TestCommentMakesTheTwinKnown(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	arn := s.CreateMaster()
	keys := pairWith("CREATE ROLE OTHER LOGIN IN ROLE SHARED")(s)
	keys["masterarn"] = arn
	s.CreateSecret(keys)
	s.AWS.SetRotationRetries(0, 0)
	err := s.Rotate()
	if err == nil {
		t.Fatal("a stranger was set")
	}
	_, statement, found := strings.Cut(err.Error(), "as a DBA: ")
	if !found {
		t.Fatalf("%v gives no statement", err)
	}
	s.SQLAs(s.PG.URL(s.Master, localtest.PasswordMaster, s.Database), statement)
	s.ClearPending()
	rotateAndCheck(t, s, 2)
}

// Members of rds_superuser are refused on the direct way too, where CREATEROLE (up to 15) would let the shared role set them.
func TestDirectWayRefusesThePowerful(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.SQL(`DO $$ BEGIN CREATE ROLE rds_superuser; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
		fmt.Sprintf("GRANT rds_superuser TO %s", s.B))
	s.CreateSecret(nil)
	mustRefuseRotation(t, s, "is a superuser or a member of rds_superuser")
}

// "ssl": false in the secret is about the secret's own users: the master's session follows the master's secret.
func TestMasterKeepsTLSWhateverTheSecretSays(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	arn := s.CreateMaster()
	s.ArticleRoles("")
	s.CreateSecret(map[string]any{"masterarn": arn, "ssl": false})
	rotateAndCheck(t, s, 1)
	for user, wantTLS := range map[string]bool{s.Master: true, s.A: false, s.B: false} {
		logins := functionLogins(t, s, user)
		if len(logins) == 0 {
			t.Errorf("the function never logged in as %s", user)
		}
		for _, line := range logins {
			if strings.Contains(line, "SSL enabled") != wantTLS {
				t.Errorf("TLS is to be %v: %s", wantTLS, line)
			}
		}
	}
}

// functionLogins are the server's log lines of the function's logins as a user, in its own words "connection authorized".
func functionLogins(t *testing.T, s *localtest.Scene, user string) []string {
	t.Helper()
	return logLines(t, s, func(line string) bool {
		return strings.Contains(line, "connection authorized: user="+user+" ") && strings.Contains(line, "application_name=pgrotator")
	})
}

func logLines(t *testing.T, s *localtest.Scene, wanted func(string) bool) []string {
	t.Helper()
	text, err := s.PG.Log()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(text) {
		if wanted(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// A pending value that leads elsewhere than the current one is refused before anything is sent anywhere.
func TestPendingMustAgreeWithCurrent(t *testing.T) {
	t.Parallel()
	listener, connections := listen(t)
	for key, c := range map[string]struct {
		value   any
		refusal string
	}{
		"engine":    {"aurora-postgresql", "differ in engine"},
		"host":      {"127.0.0.1", "differ in host"},
		"port":      {listener, "differ in port"},
		"dbname":    {"template1", "differ in dbname"},
		"ssl":       {false, "differ in ssl"},
		"masterarn": {"arn:aws:secretsmanager:us-east-1:123456789012:secret:other", "differ in masterarn"},
		"usernames": {[]string{"x", "y"}, "differ in usernames"},
		"role":      {"rds_superuser", "differ in role"},
		"username":  {"postgres", `names the user "postgres"`},
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.ArticleRoles("CREATEROLE")
			s.CreateSecret(nil)
			token := s.Begin()
			putPending(t, s, token, s.Value(map[string]any{"username": s.B, "password": "pending", key: c.value}))
			mustRefuse(t, s, "", func() error { return s.Step("setSecret", token) }, c.refusal, "--remove-from-version-id "+token)
		})
	}
	t.Cleanup(func() {
		if n := connections(); n > 0 {
			t.Errorf("%d connections to the other port", n)
		}
	})
}

// listen counts the connections to a port of 127.0.0.1 that nothing good listens on.
func listen(t *testing.T) (port int, connections func() int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var count atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			conn.Close()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port, func() int { return int(count.Load()) }
}

// putPending writes AWSPENDING in the function's place.
func putPending(t *testing.T, s *localtest.Scene, token string, value map[string]any) {
	t.Helper()
	_, err := s.Secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &s.SecretID,
		ClientRequestToken: &token, SecretString: aws.String(encode(t, value)), VersionStages: []string{"AWSPENDING"}})
	if err != nil {
		t.Fatal(err)
	}
}

// AWSPREVIOUS can be written as well, and AWSCURRENT beside it: a previous password goes only to the server that it was for.
func TestPreviousOfAnotherServerIsNotTried(t *testing.T) {
	t.Parallel()
	port, connections := listen(t)
	s := localtest.New(t, server, nil)
	s.ArticleRoles("")
	s.SQL(fmt.Sprintf("ALTER ROLE %s LOGIN PASSWORD 'previous'", s.B))
	s.CreateSecret(map[string]any{"username": s.B, "password": "previous", "host": "127.0.0.1", "port": port, "ssl": false})
	s.PutCurrent(s.Value(nil))
	mustRefuseRotation(t, s, "no way to set the password", "AWSPREVIOUS is not this user's credential for this server")
	if n := connections(); n > 0 {
		t.Errorf("%d connections to the host of AWSPREVIOUS", n)
	}
	mustNotBeTried(t, s)
}

func mustNotBeTried(t *testing.T, s *localtest.Scene) {
	t.Helper()
	if tried := logLines(t, s, func(line string) bool { return strings.Contains(line, ":"+s.B+"@") }); len(tried) > 0 {
		t.Errorf("a password of %s was tried: %s", s.B, tried)
	}
}

// AWSPREVIOUS may name anybody: only the partner's password is tried, and nobody else's is set.
func TestPreviousOfAnotherUserIsNotTried(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("")
	s.SQL(fmt.Sprintf("ALTER ROLE %s LOGIN PASSWORD 'previous'", s.B))
	s.CreateSecret(map[string]any{"username": s.Shared + "_c", "password": "previous"})
	s.PutCurrent(s.Value(nil))
	mustRefuseRotation(t, s, "no way to set the password", "AWSPREVIOUS")
	mustNotBeTried(t, s)
}

// From 16 on a membership has options, and whoever holds ADMIN grants it: what makes one a twin is counted with them, and a record counts
// only of a role that could set the pair.
var liesSince16 = []lie{
	{"partner holds ADMIN on the shared role", pairWith("CREATE ROLE OTHER LOGIN", "GRANT SHARED TO OTHER WITH ADMIN TRUE, SET TRUE", "COMMENT ON ROLE OTHER IS 'pgrotator: twin of USER_A'"),
		" with ADMIN"},
	{"partner inherits from a role that the other may only become", pairWith("CREATE ROLE SHAREDpay", "CREATE ROLE OTHER LOGIN IN ROLE SHARED",
		"GRANT SHAREDpay TO OTHER WITH INHERIT TRUE, SET FALSE", "GRANT SHAREDpay TO USER_A WITH INHERIT FALSE, SET TRUE", "COMMENT ON ROLE OTHER IS 'pgrotator: twin of USER_A'"), " with INHERIT"},
	{"partner becomes a role that the other only inherits from", pairWith("CREATE ROLE SHAREDpay", "CREATE ROLE OTHER LOGIN IN ROLE SHARED",
		"GRANT SHAREDpay TO OTHER WITH INHERIT FALSE, SET TRUE", "GRANT SHAREDpay TO USER_A WITH INHERIT TRUE, SET FALSE", "COMMENT ON ROLE OTHER IS 'pgrotator: twin of USER_A'"), " with SET"},
	{"a person is granted the shared role by whoever holds ADMIN on it, and recorded by a role of his", func(s *localtest.Scene) map[string]any {
		keys := pairWith("CREATE ROLE OTHER LOGIN", "CREATE ROLE SHAREDspy LOGIN CREATEROLE PASSWORD 'spy'", "GRANT SHARED TO SHAREDspy WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")(s)
		s.SQLAs(s.PG.URL(s.Shared+"spy", "spy", s.Database), fmt.Sprintf("GRANT %s TO %s", s.Shared, s.B), fmt.Sprintf("CREATE ROLE rotation_%s NOLOGIN CREATEROLE", s.Shared),
			fmt.Sprintf("COMMENT ON ROLE rotation_%s IS %s", s.Shared, record(s)))
		return keys
	}, "nothing that it could not have said itself tells that it is the twin"},
}

func liesAboutOptions(t *testing.T, pg *localpg.Server) {
	if pg.Major() < 16 {
		t.Skip("memberships have no options")
	}
	for _, l := range liesSince16 {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			mustNotBelieve(t, pg, l)
		})
	}
}
