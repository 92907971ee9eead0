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

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/revoke"
)

// stolen is the thief's own password, and its verifier as RFC 7677 has it.
const (
	stolen         = "pencil"
	stolenVerifier = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)

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
	if ended["orders-1"] < 2 || ended["orders-2"] < 1 {
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
