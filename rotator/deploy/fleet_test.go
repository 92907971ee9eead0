package deploy_test

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/states"
)

// fleetScene is many databases behind one pair of functions, with the state machine of the template. They share servers, of three majors
// where these are at hand; the scene itself is that of the first.
type fleetScene struct {
	*localtest.Scene
	t          *testing.T
	servers    []fleetServer
	placed     map[string]fleetServer // by database
	sweep      *localaws.Function
	machine    *states.Machine
	definition []byte
	publishers []*localaws.Publisher
}

type fleetServer struct {
	*localtest.Scene
	master string // the ARN of the master's secret
}

var fleetOfMany = map[string]string{"Fleet": "true", "SweepMode": "act", "FleetConcurrency": "8", "LockIntervalDays": "7"}

func newFleetScene(t *testing.T) *fleetScene {
	t.Helper()
	servers := []*localpg.Server{server(t)}
	for _, major := range []int{14, 18} {
		if localtest.AtHand(major) {
			servers = append(servers, pgtest.Start(t, localpg.Options{Major: major, TLS: true}))
		}
	}
	trust := map[string]string{"DB_CA_FILE": bundle(t, servers)}
	s := localtest.New(t, servers[0], merged(environmentOfFunction(t, "RotationFunction", fleetOfMany), trust))
	f := &fleetScene{Scene: s, t: t, servers: []fleetServer{{s, s.CreateMaster()}}, placed: map[string]fleetServer{}}
	for _, pg := range servers[1:] {
		there, master := s.On(pg)
		f.servers = append(f.servers, fleetServer{there, master})
	}
	f.sweep = s.AddFunction("sweep", merged(environmentOfFunction(t, "SweepFunction", fleetOfMany), trust), time.Minute)
	s.AWS.SetBucket("results", localaws.Bucket{})
	f.machine, f.definition = fleetMachine(t, s.AWS)
	return f
}

func merged(a, b map[string]string) map[string]string {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// bundle is a file with the CAs of all servers.
func bundle(t *testing.T, servers []*localpg.Server) string {
	t.Helper()
	var all []byte
	for _, s := range servers {
		text, err := os.ReadFile(s.CAFile())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	path := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// at is the server of a database: the next in turn, when it is first asked for.
func (f *fleetScene) at(name string) fleetServer {
	s, placed := f.placed[name]
	if !placed {
		s = f.servers[len(f.placed)%len(f.servers)]
		f.placed[name] = s
	}
	return s
}

// database has RDS describe a cluster at its server, whose log goes to CloudWatch if exported.
func (f *fleetScene) database(name string, exported bool) {
	f.t.Helper()
	s := f.at(name)
	instance, port := name+"-1", aws.Int32(int32(s.Port))
	f.AWS.SetDBCluster(rdstypes.DBCluster{DBClusterIdentifier: &name, Endpoint: &s.Host, Port: port, MasterUsername: &s.Master,
		DBClusterMembers: []rdstypes.DBClusterMember{{DBInstanceIdentifier: &instance, IsClusterWriter: aws.Bool(true)}}})
	f.AWS.SetDBInstance(rdstypes.DBInstance{DBInstanceIdentifier: &instance, DBClusterIdentifier: &name, DBInstanceStatus: aws.String("available"),
		Endpoint: &rdstypes.Endpoint{Address: &s.Host, Port: port}})
	if !exported {
		return
	}
	group := "/aws/rds/cluster/" + name + "/postgresql"
	p, err := f.AWS.PublishLog(f.t.Context(), s.PG.LogFile(), group, instance+".0", localaws.PublishOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	f.publishers = append(f.publishers, p)
	f.AWS.SetLogGroup(group, twoWeeks)
}

// twoWeeks is how long a log is kept where a week's idleness counts: the first sweep reads it a second time as far back as it is kept.
var twoWeeks = localaws.LogGroup{RetentionDays: 14}

// secret makes a secret of the fleet for a pair of its own, with keys that override the usual ones, and gives its ARN.
func (f *fleetScene) secret(name string, keys map[string]any, tags map[string]string) string {
	f.t.Helper()
	s := f.at(name)
	value := s.Value(map[string]any{"username": f.shared(name) + "_a", "masterarn": s.master, "dbClusterIdentifier": name})
	maps.Copy(value, keys)
	arn := f.PutNewSecret(name, value)
	f.tag(arn, tags)
	return arn
}

// shared is the shared role of a database's pair.
func (f *fleetScene) shared(name string) string { return f.Shared + strings.ReplaceAll(name, "-", "") }

func (f *fleetScene) tag(arn string, tags map[string]string) {
	f.t.Helper()
	var list []types.Tag
	for key, value := range tags {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	if _, err := f.Secrets.TagResource(f.t.Context(), &secretsmanager.TagResourceInput{SecretId: &arn, Tags: list}); err != nil {
		f.t.Fatal(err)
	}
}

// setup sets the pairs of secrets up, all at once.
func (f *fleetScene) setup(purpose string, arns ...string) {
	f.t.Helper()
	var setting sync.WaitGroup
	for _, arn := range arns {
		setting.Go(func() {
			if _, err := f.Invoke(map[string]any{"action": "setup", "for": purpose, "secretId": arn}); err != nil {
				f.t.Error(err)
			}
		})
	}
	setting.Wait()
}

// run executes the state machine, and gives the notice that it has sent.
func (f *fleetScene) run() localaws.Notice {
	f.t.Helper()
	var flushing sync.WaitGroup
	for _, p := range f.publishers {
		flushing.Go(func() {
			if err := p.Flush(f.t.Context()); err != nil {
				f.t.Error(err)
			}
		})
	}
	flushing.Wait()
	before := len(f.AWS.Notices())
	if _, err := f.machine.Run(f.t.Context(), f.definition, []byte("{}")); err != nil {
		f.t.Fatal(err)
	}
	sent := f.AWS.Notices()[before:]
	if len(sent) != 1 {
		f.t.Fatalf("%d notices were sent: %+v", len(sent), sent)
	}
	return sent[0]
}

// age moves what the sweep of a database remembers into the past.
func (f *fleetScene) age(name string, days int) {
	f.t.Helper()
	schema := "rotation_" + f.shared(name)
	f.at(name).SQL(fmt.Sprintf("UPDATE %s.user_login_status SET last_login_time = last_login_time - interval '%d days'", schema, days),
		fmt.Sprintf("UPDATE %s.user_login_job_status SET evidence_from = evidence_from - interval '%d days'", schema, days))
}

func closedPort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// away is a database that cannot be reached. Nobody answers at its port, which is tried for as long as the function's time allows, and so
// in the long campaign alone; else no connection can be made to its address at all.
func away(t *testing.T) map[string]any {
	if localtest.Soaking() {
		return map[string]any{"port": closedPort(t)}
	}
	return map[string]any{"host": "255.255.255.255"}
}

// Twenty databases and the state machine's own text: one digest tells of all, those that fail stop nobody else, and nobody active is
// locked.
func TestFleetOfTwenty(t *testing.T) {
	t.Parallel()
	f := newFleetScene(t)
	inFleet := map[string]string{"pgrotator": "sweep"}
	for _, s := range f.servers {
		s.SQLAs(s.PG.URL(s.Master, localtest.PasswordMaster, s.Database), "CREATE ROLE tom LOGIN", fmt.Sprintf("CREATE ROLE jane LOGIN PASSWORD '%s'", localtest.PasswordA))
	}
	var well, arns []string
	for n := range 16 {
		well = append(well, fmt.Sprintf("db-%02d", n))
		f.database(well[n], true)
		arns = append(arns, f.secret(well[n], nil, inFleet))
	}
	f.tag("db-03", map[string]string{"pgrotator:lock-days": "3"})
	f.database("mute", false)
	f.setup("sweep", append(arns, f.secret("mute", nil, inFleet))...)
	f.tag(f.PutNewSecret("broken", "not JSON at all"), inFleet)
	f.stranger(inFleet)
	f.secret("only-rotated", nil, map[string]string{"pgrotator": "rotate"})
	f.secret("misspelt", nil, map[string]string{"pgrotator": "swept"})
	first := f.run()
	for _, part := range []string{"Fleet of 19 databases", "17 of incomplete evidence"} {
		if !strings.Contains(first.Subject+first.Message, part) {
			t.Errorf("the first digest does not say %q", part)
		}
	}
	for _, name := range well {
		f.age(name, 10)
	}
	f.secret("unreachable", away(t), inFleet)
	for _, s := range f.servers {
		if _, err := s.Login(localtest.Credential{Username: "jane", Password: localtest.PasswordA}); err != nil {
			t.Fatal(err)
		}
	}
	second := f.run()
	for _, part := range []string{"Fleet of 20 databases: 1 not told, 3 failed, 1 of incomplete evidence",
		"broken: ", "not a JSON object", "unreachable: ", `stranger: table "public".user_login_job_status, owned by "mallory"`, "mute: ", "misspelt", `"swept"`,
		`db-03: pgrotator:lock-days = "3" is not used`, "Databases: 20"} {
		if !strings.Contains(second.Subject+"\n"+second.Message, part) {
			t.Errorf("the digest does not say %q", part)
		}
	}
	f.idleOnesAreLocked(second.Message)
	if t.Failed() {
		t.Logf("%s\n%s", second.Subject, second.Message)
	}
	f.compareWithRoles()
}

// idleOnesAreLocked looks, on each server, at tom, who never came, and at jane, who did.
func (f *fleetScene) idleOnesAreLocked(digest string) {
	f.t.Helper()
	for _, s := range f.servers {
		var tom, jane bool
		s.Ask("SELECT (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'tom'), (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'jane')", nil, &tom, &jane)
		if tom || !jane {
			f.t.Errorf("on PostgreSQL %d, tom, who is idle, may log in: %v; jane, who is not, may: %v", s.PG.Major(), tom, jane)
		}
	}
	if !strings.Contains(digest, ": tom") || strings.Contains(digest, "jane") {
		f.t.Error("the digest does not name tom, or names jane")
	}
}

// stranger is a database in which somebody else has made tables of the sweep's names.
func (f *fleetScene) stranger(tags map[string]string) {
	f.t.Helper()
	s := f.at("stranger")
	s.SQL("CREATE DATABASE strange OWNER " + s.Master)
	f.database("stranger", true)
	f.setup("rotation", f.secret("stranger", map[string]any{"dbname": "strange"}, tags))
	name, password := s.PG.Superuser()
	pgtest.Exec(f.t, s.PG, "CREATE ROLE mallory")
	s.SQLAs(s.PG.URL(name, password, "strange"), "GRANT CREATE ON SCHEMA public TO mallory",
		"SET ROLE mallory; CREATE TABLE public.user_login_status (user_name text, last_login_time timestamptz, status text); CREATE TABLE public.user_login_job_status (instance_name text)")
}

// compareWithRoles holds what the state machine did against its role, and what its sweeps called against theirs.
func (f *fleetScene) compareWithRoles() {
	f.t.Helper()
	// What a real one does besides: it follows its children, and the ResultWriter uploads in parts.
	unseen := []string{"s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"}
	var allowed []string
	for _, s := range newStack(readTemplate(f.t), fleetOfMany).statements("FleetSweepRole") {
		allowed = append(allowed, s.actions...)
	}
	slices.Sort(allowed)
	needed := append(unseen, f.machine.Actions()...)
	slices.Sort(needed)
	if !slices.Equal(allowed, needed) {
		f.t.Errorf("FleetSweepRole allows\n%v\nand the state machine needs\n%v", allowed, needed)
	}
	permitted := map[string]bool{}
	for _, s := range newStack(readTemplate(f.t), fleetOfMany).statements("SweepRole") {
		for _, action := range s.actions {
			permitted[action] = s.effect == "Allow"
		}
	}
	for action := range callsOf(f.Scene, "sweep") {
		if !permitted[action] {
			f.t.Errorf("the sweeps call %s, which SweepRole does not allow", action)
		}
	}
	if f.machine.Retries() < 3 {
		f.t.Errorf("%d retries, though three sweeps fail", f.machine.Retries())
	}
}
