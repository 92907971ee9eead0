package revoke_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
	"pgrotator/rotator/revoke"
)

var server *localpg.Server

var options = localpg.Options{Major: 15, TLS: true}

func TestMain(m *testing.M) { pgtest.Main(m, options, &server) }

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

// stolen is the thief's own password, and its verifier as RFC 7677 has it.
const (
	stolen         = "pencil"
	stolenVerifier = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)

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
			t.Run(name, func(t *testing.T) { test(t, pg) })
		}
	})
}

// The drill: a thief holds AWSCURRENT, sessions on the writer and on a reader and a planted AWSPENDING, and goes on giving the other
// user a password of his own as fast as he can: in one drill a transaction of his has set it and so holds its row; in the other his
// statements have begun before EXECUTE is taken from him, and let the user in again after it was locked.
func thiefIsOut(t *testing.T, pg *localpg.Server) {
	t.Run("holds the row", func(t *testing.T) { drill(t, pg, true, "") })
	t.Run("has statements under way", func(t *testing.T) { drill(t, pg, false, " FROM pg_sleep(0.05)") })
}

func drill(t *testing.T, pg *localpg.Server, holds bool, underWay string) {
	t.Helper()
	s := newScene(t, pg)
	reader := addReader(t, s)
	known := s.Credential("AWSCURRENT")
	other := s.Credential("AWSPREVIOUS").Username
	set := fmt.Sprintf("SELECT rotation_%s.set_other_user('%s', 'infinity')%s", s.Shared, stolenVerifier, underWay)
	open := []*pgx.Conn{steal(t, pg, s, known), steal(t, reader, s, known), steal(t, pg, s, known)}
	plantPending(t, s)
	stop := keepSetting(t, s, pg, known, other, set)
	if holds {
		holdRow(t, open[2], set)
	}
	report, err := run(t, s)
	if successes := stop(); successes == 0 {
		t.Error("the thief got nowhere even before: this test shows nothing")
	}
	if err != nil {
		t.Fatal(err)
	}
	mustBeOut(t, s, open, known, localtest.Credential{Username: other, Password: stolen}, report)
	current := s.Credential("AWSCURRENT")
	if current.Username != other || current.Password == stolen {
		t.Errorf("AWSCURRENT is %q", current.Username)
	}
	s.MustLogin("AWSCURRENT")
	nothingIsLeft(t, s)
	if err := s.Rotate(); err != nil { // through the function, which is the pair's again
		t.Fatal(err)
	}
	s.MustLogin("AWSCURRENT")
	s.MustLogin("AWSPREVIOUS")
}

// addReader has RDS describe a standby as the cluster's second instance. The master sees there what is a login, as RDS's own does.
func addReader(t *testing.T, s *localtest.Scene) *localpg.Server {
	t.Helper()
	s.SQL("GRANT pg_monitor TO " + s.Master)
	standby, err := s.PG.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Own(t, standby)
	s.AWS.SetDBCluster(types.DBCluster{DBClusterIdentifier: aws.String("orders"), Endpoint: &s.Host, Port: aws.Int32(int32(s.Port)), MasterUsername: &s.Master,
		DBClusterMembers: []types.DBClusterMember{
			{DBInstanceIdentifier: aws.String("orders-1"), IsClusterWriter: aws.Bool(true)}, {DBInstanceIdentifier: aws.String("orders-2"), IsClusterWriter: aws.Bool(false)}}})
	describeReader(s, standby.Port())
	return standby
}

// describeReader has RDS tell where the reader listens.
func describeReader(s *localtest.Scene, port int) {
	s.AWS.SetDBInstance(types.DBInstance{DBInstanceIdentifier: aws.String("orders-2"), DBClusterIdentifier: aws.String("orders"),
		DBInstanceStatus: aws.String("available"), Endpoint: &types.Endpoint{Address: &s.Host, Port: aws.Int32(int32(port))}})
}

func steal(t *testing.T, pg *localpg.Server, s *localtest.Scene, c localtest.Credential) *pgx.Conn {
	t.Helper()
	return pgtest.Connect(t, pg.URL(c.Username, c.Password, s.Database))
}

// plantPending stages a version of the thief's own as AWSPENDING.
func plantPending(t *testing.T, s *localtest.Scene) {
	t.Helper()
	text, err := json.Marshal(s.Value(map[string]any{"username": s.A, "password": stolen}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &s.SecretID, SecretString: aws.String(string(text)), VersionStages: []string{"AWSPENDING"}})
	if err != nil {
		t.Fatal(err)
	}
}

// thieves is how many sessions set the other user at once.
const thieves = 4

// keepSetting sets the other user to the thief's verifier, in sessions that last until somebody ends them and are then opened anew as
// whoever he can still log in as, until it is stopped, and gives how often he came through.
func keepSetting(t *testing.T, s *localtest.Scene, pg *localpg.Server, known localtest.Credential, other, set string) (stop func() int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan struct{}, 1)
	var working sync.WaitGroup
	var successes atomic.Int64
	for range thieves {
		working.Go(func() {
			for ctx.Err() == nil {
				for _, c := range []localtest.Credential{known, {Username: other, Password: stolen}} {
					successes.Add(setWhileConnected(ctx, pg.URL(c.Username, c.Password, s.Database), set, first))
				}
			}
		})
	}
	<-first
	return func() int64 {
		cancel()
		working.Wait()
		return successes.Load()
	}
}

// setWhileConnected logs in and sets the other user until the session is ended.
func setWhileConnected(ctx context.Context, url, set string, first chan<- struct{}) (successes int64) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil && !conn.IsClosed() {
		if _, err := conn.Exec(ctx, "SET lock_timeout = '100ms'; "+set, pgx.QueryExecModeSimpleProtocol); err == nil {
			successes++
			select {
			case first <- struct{}{}:
			default:
			}
		}
	}
	return successes
}

// holdRow sets the other user in a transaction that stays open.
func holdRow(t *testing.T, conn *pgx.Conn, set string) {
	t.Helper()
	for range 100 {
		_, err := conn.Exec(t.Context(), "BEGIN; "+set, pgx.QueryExecModeSimpleProtocol)
		if err == nil {
			return
		}
		if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the thief never holds the row")
}

// mustBeOut: no session of the thief's lives, none of his credentials logs in, and the report counts what was ended.
func mustBeOut(t *testing.T, s *localtest.Scene, open []*pgx.Conn, known, own localtest.Credential, report revoke.Report) {
	t.Helper()
	for i, conn := range open {
		if err := conn.Ping(t.Context()); err == nil {
			t.Errorf("session %d of the thief lives", i)
		}
	}
	for _, c := range []localtest.Credential{known, own} {
		if _, err := s.Login(c); err == nil {
			t.Errorf("the thief logs in as %s", c.Username)
		}
	}
	s.SQL("ALTER ROLE " + known.Username + " LOGIN") // as a person might who knows no better
	if _, err := s.Login(known); err == nil {
		t.Errorf("%s still has the password that the thief knows", known.Username)
	}
	s.SQL("ALTER ROLE " + known.Username + " NOLOGIN")
	ended := map[string]int{}
	for _, e := range report.Ended {
		ended[e.Instance] += e.Sessions
	}
	if ended["the writer"] < 2 || ended["instance orders-2"] < 1 {
		t.Errorf("ended %+v", report.Ended)
	}
	if last := report.Steps[len(report.Steps)-1]; !strings.HasPrefix(last, "not ended: ") || len(report.Steps) < 5 {
		t.Errorf("steps %q", report.Steps)
	}
	if strings.Contains(fmt.Sprint(report), s.Credential("AWSCURRENT").Password) {
		t.Error("the report holds the password")
	}
}

// nothingIsLeft: the master inherits from nobody of the pair that it did not before, and may not become the owner role.
func nothingIsLeft(t *testing.T, s *localtest.Scene) {
	t.Helper()
	var left []string
	s.Ask(`SELECT coalesce(array_agg(r.rolname), '{}') FROM pg_roles r WHERE r.rolname IN ($1, $2, $3) AND current_setting('server_version_num')::int >= 160000
		AND pg_has_role($4, r.oid, 'USAGE')`, []any{s.A, s.B, "rotation_" + s.Shared, s.Master}, &left)
	if len(left) > 0 {
		t.Errorf("the master still inherits from %q", left)
	}
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
			if _, err := run(t, s); operation != "DescribeDBClusters" && (err == nil || !strings.Contains(err.Error(), "run revoke again")) {
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
			if _, err := s.Login(known); err == nil {
				t.Errorf("the old credential still logs in; steps %q", report.Steps)
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
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
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

// Up to PostgreSQL 15 CREATEROLE of the shared role could undo it all: it is taken away, and the statement that gives it back told.
func TestCreateRoleIsTakenAway(t *testing.T) {
	t.Parallel()
	s := newScene(t, server)
	s.SQL("ALTER ROLE " + s.Shared + " CREATEROLE")
	report, err := run(t, s)
	if err != nil {
		t.Fatal(err)
	}
	var has bool
	s.Ask("SELECT rolcreaterole FROM pg_roles WHERE rolname = $1", []any{s.Shared}, &has)
	if told := strings.Join(report.Steps, "\n"); has || !strings.Contains(told, "ALTER ROLE \""+s.Shared+"\" CREATEROLE") {
		t.Errorf("CREATEROLE: %v; steps\n%s", has, told)
	}
}
