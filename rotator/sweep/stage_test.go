package sweep_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/publish"
	"pgrotator/rotator/report"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/sweep"
	"pgrotator/sql"
)

const password = "correct horse battery staple"

// server is one cluster for all tests. Roles belong to the cluster, so each test has a prefix of its own; rows and locks belong
// to a database, so each has one of its own.
var server *localpg.Server

func TestMain(m *testing.M) {
	if os.Getenv(sweeperEnv) != "" {
		os.Exit(sweepAlone())
	}
	flag.Parse()
	// Most of a test's time is waiting for the log to be old enough: more of them at once than there are processors.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	pgtest.Main(testsThenClose{m}, localpg.Options{Major: 15, Settings: map[string]string{"log_disconnections": "on", "max_connections": "300", "shared_preload_libraries": "pg_stat_statements"}}, &server)
}

// newest is one cluster of PostgreSQL 18 for all tests, under the other prefix that RDS allows, made by the first test that asks.
var newest struct {
	once   sync.Once
	server *localpg.Server
	err    error
}

func newestServer(t testing.TB) *localpg.Server {
	t.Helper()
	if !localpg.Available(18) {
		t.Skip("PostgreSQL 18 is not installed")
	}
	newest.once.Do(func() {
		newest.server, newest.err = localpg.Start(context.Background(), localpg.Options{Major: 18, Settings: map[string]string{
			"log_line_prefix": otherPrefix, "max_connections": "300"}})
	})
	if newest.err != nil {
		t.Fatal(newest.err)
	}
	return newest.server
}

// otherPrefix is the log_line_prefix that RDS allows besides the default.
const otherPrefix = "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a"

// testsThenClose closes the newest server after the tests.
type testsThenClose struct{ *testing.M }

func (t testsThenClose) Run() int {
	code := t.M.Run()
	if newest.server != nil {
		if err := newest.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// onBoth runs a test on PostgreSQL 15, where CREATEROLE is enough to close a role, and on 18, where ADMIN is needed besides; each
// logs by one of the two prefixes that RDS allows.
func onBoth(t *testing.T, o localaws.PublishOptions, test func(*testing.T, *stage)) {
	t.Helper()
	for _, major := range bothOrOne(t) {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			on := server
			if major == 18 {
				on = newestServer(t)
			}
			test(t, newStage(t, on, o))
		})
	}
}

// onBothAlone is onBoth with servers of the test's own, where it may change settings, restart, and make what all databases show.
func onBothAlone(t *testing.T, o localaws.PublishOptions, test func(*testing.T, *stage)) {
	t.Helper()
	prefixes := map[int]string{15: "%t:%r:%u@%d:[%p]:", 18: otherPrefix}
	for _, major := range bothOrOne(t) {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			if !localpg.Available(major) {
				t.Skipf("PostgreSQL %d is not installed", major)
			}
			test(t, newStage(t, pgtest.Start(t, localpg.Options{Major: major, Settings: map[string]string{"log_line_prefix": prefixes[major]}}), o))
		})
	}
}

// bothOrOne are the majors that a test plays: both in a long campaign; else one, by the test's name, so that either has its half.
func bothOrOne(t *testing.T) []int {
	both := []int{15, 18}
	if localtest.Soaking() || !localpg.Available(18) {
		return both
	}
	name := fnv.New32a()
	name.Write([]byte(t.Name()))
	return both[name.Sum32()%2:][:1]
}

// stage is a database with a rotation pair, its log in CloudWatch, and a sweep.
type stage struct {
	topic      string        // NOTICE_TOPIC_ARN, or ""
	reports    publish.Place // REPORT_BUCKET, or nothing
	hub        bool          // SECURITY_HUB_FINDINGS
	t          testing.TB
	server     *localpg.Server
	stack      *localaws.Stack
	prefix     string // of roles, and the database's name
	group      string
	stream     string
	publisher  *localaws.Publisher // the newest
	publishers []*localaws.Publisher
	cancels    []context.CancelFunc // of the publishers
	admin      *pgx.Conn            // the superuser, in the test's database
	options    sweep.Options
	log        strings.Builder
}

// newStage makes the article's roles on PostgreSQL 15: a shared role with CREATEROLE, and the pair.
func newStage(t testing.TB, on *localpg.Server, publish localaws.PublishOptions) *stage {
	t.Helper()
	prefix := fmt.Sprintf("t%d", time.Now().UnixNano()%1e9)
	pgtest.Exec(t, on,
		fmt.Sprintf("CREATE ROLE %s NOLOGIN CREATEROLE", prefix),
		fmt.Sprintf("CREATE ROLE %[1]s_a LOGIN PASSWORD '%[2]s' IN ROLE %[1]s", prefix, password),
		fmt.Sprintf("CREATE ROLE %[1]s_b NOLOGIN IN ROLE %[1]s", prefix),
		fmt.Sprintf("ALTER ROLE %[1]s_a SET role = %[1]s", prefix), fmt.Sprintf("ALTER ROLE %[1]s_b SET role = %[1]s", prefix),
		fmt.Sprintf("CREATE DATABASE %s", prefix))
	user, superPassword := on.Superuser()
	s := &stage{t: t, server: on, prefix: prefix, group: "/aws/rds/instance/" + prefix + "/postgresql", stream: prefix + ".0",
		admin:   pgtest.Connect(t, on.URL(user, superPassword, prefix)),
		options: sweep.Options{LockDays: 90, MaxChanges: 50, Lag: time.Second, StateSchema: "public", Stack: "test"}}
	s.exec("GRANT ALL ON SCHEMA public TO " + prefix)
	s.makeTables()
	stack, err := localaws.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	s.stack = stack
	s.secret(map[string]any{})
	s.setMaster("postgres")
	s.publish(publish)
	return s
}

// makeTables makes the sweep's tables in public, as setup does, but owned by the shared role.
func (s *stage) makeTables() {
	s.t.Helper()
	if _, err := s.admin.PgConn().Exec(s.t.Context(), "SET ROLE "+s.prefix+";"+sql.SweepTables.Text()+"; RESET ROLE").ReadAll(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) publish(o localaws.PublishOptions) {
	s.t.Helper()
	s.publishLog(s.server, o)
}

func (s *stage) publishLog(on *localpg.Server, o localaws.PublishOptions) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(cancel)
	s.cancels = append(s.cancels, cancel)
	var err error
	if s.publisher, err = s.stack.PublishLog(ctx, on.LogFile(), s.group, s.stream, o); err != nil {
		s.t.Fatal(err)
	}
	s.publishers = append(s.publishers, s.publisher)
}

// stopPublishing ends the publishers, and waits until they have ended.
func (s *stage) stopPublishing() {
	s.t.Helper()
	for i, p := range s.publishers {
		s.cancels[i]()
		for p.Flush(s.t.Context()) == nil {
			time.Sleep(pollPause)
		}
	}
	s.publishers, s.cancels = nil, nil
}

// secret stores the secret, with keys that override the usual ones.
func (s *stage) secret(keys map[string]any) {
	s.t.Helper()
	value := map[string]any{"engine": "postgres", "host": s.server.Host(), "port": s.server.Port(), "username": s.prefix + "_a",
		"password": password, "dbname": s.prefix, "ssl": false, "dbInstanceIdentifier": s.prefix}
	for key, v := range keys {
		value[key] = v
	}
	text, err := json.Marshal(value)
	if err != nil {
		s.t.Fatal(err)
	}
	client := secretsmanager.NewFromConfig(s.stack.Config())
	if _, err := client.CreateSecret(s.t.Context(), &secretsmanager.CreateSecretInput{Name: &s.prefix, SecretString: aws.String(string(text))}); err == nil {
		return
	}
	if _, err := client.PutSecretValue(s.t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &s.prefix, SecretString: aws.String(string(text))}); err != nil {
		s.t.Fatal(err)
	}
}

// sweeper is a sweep with the stage's options.
func (s *stage) sweeper() *sweep.Sweep {
	config := s.stack.Config()
	channels := sweep.Channels{Notices: publish.NewTopic(sns.NewFromConfig(config), s.topic), Reports: publish.NewBucket(s3.NewFromConfig(config), s.reports)}
	if s.hub {
		channels.Hub = publish.NewSecurityHub(config)
	}
	return sweep.New(secret.NewStore(secretsmanager.NewFromConfig(config)), cloudwatchlogs.NewFromConfig(config), rds.NewFromConfig(config),
		iam.NewFromConfig(config), channels, postgres.Opener{}, s.options, slog.New(slog.NewJSONHandler(io.MultiWriter(&s.log), nil))).Unpaced()
}

// run waits for the log and sweeps.
func (s *stage) run() report.Report {
	s.t.Helper()
	return s.runWith(false)
}

func (s *stage) dryRun() report.Report {
	s.t.Helper()
	return s.runWith(true)
}

func (s *stage) runWith(dry bool) report.Report {
	s.t.Helper()
	s.flush()
	report, err := s.sweeper().Run(s.t.Context(), s.prefix, dry)
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

func (s *stage) flush() {
	s.t.Helper()
	for _, p := range s.publishers {
		if err := p.Flush(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// settle runs the sweep until it has seen its own login, and then pretends that its record began long ago.
func (s *stage) settle() {
	s.t.Helper()
	s.run()
	s.exec("UPDATE user_login_job_status SET evidence_from = now() - interval '400 days'")
}

// user makes a role that can log in, last active some days ago as far as the table knows.
func (s *stage) user(name string, idleDays int) string {
	s.t.Helper()
	full := s.prefix + name
	s.exec(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", pgx.Identifier{full}.Sanitize(), password))
	s.exec("INSERT INTO user_login_status (user_name, role_oid, last_login_time) SELECT rolname, oid, now() - make_interval(days => $2) FROM pg_roles WHERE rolname = $1", full, idleDays)
	return full
}

// closable is user for a role that the sweep may close in every version.
func (s *stage) closable(name string, idleDays int) string {
	s.t.Helper()
	full := s.user(name, idleDays)
	if s.server.Major() >= 16 {
		s.exec("GRANT " + pgx.Identifier{full}.Sanitize() + " TO " + s.prefix + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
	}
	return full
}

func (s *stage) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.admin.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// login opens a session as a role, or says why it could not.
func (s *stage) login(name string) (*pgx.Conn, error) {
	return pgx.Connect(s.t.Context(), s.server.URL(name, password, s.prefix))
}

// visit logs in as a role and out again.
func (s *stage) visit(name string) {
	s.t.Helper()
	conn, err := s.login(name)
	if err != nil {
		s.t.Fatal(err)
	}
	conn.Close(s.t.Context())
}

func query[T any](s *stage, sql string, args ...any) T {
	s.t.Helper()
	var v T
	if err := s.admin.QueryRow(s.t.Context(), sql, args...).Scan(&v); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func (s *stage) canLogin(name string) bool {
	s.t.Helper()
	return query[bool](s, "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", name)
}

func (s *stage) status(name string) string {
	s.t.Helper()
	return query[string](s, "SELECT coalesce((SELECT status FROM user_login_status WHERE user_name = $1), '')", name)
}

func closedUsers(list []report.Closed) []string {
	names := []string{}
	for _, c := range list {
		names = append(names, c.User)
	}
	return names
}

type reportInstance = report.Instance

// setMaster has RDS name another master user.
func (s *stage) setMaster(name string) {
	s.stack.SetDBInstance(types.DBInstance{
		DBInstanceIdentifier: aws.String(s.prefix), DBInstanceArn: aws.String("arn:aws:rds:us-east-1:123456789012:db:" + s.prefix),
		DbiResourceId: aws.String("db-ABC"), MasterUsername: aws.String(name), EnabledCloudwatchLogsExports: []string{"postgresql"},
		Endpoint:           &types.Endpoint{Address: aws.String(s.server.Host()), Port: aws.Int32(int32(s.server.Port()))},
		InstanceCreateTime: aws.Time(time.Now().Add(-1000 * time.Hour)),
	})
}

// underBothRules runs test on PostgreSQL 15, where CREATEROLE is enough to close a role, and on 18, where ADMIN is needed besides.
func underBothRules(t *testing.T, test func(*testing.T, *localpg.Server)) {
	t.Helper()
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			if !localpg.Available(major) {
				t.Skipf("PostgreSQL %d is not installed", major)
			}
			test(t, pgtest.Start(t, localpg.Options{Major: major}))
		})
	}
}
