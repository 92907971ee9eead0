package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/states"
)

// fleetScene is many databases behind one pair of functions, with the state machine of the template.
type fleetScene struct {
	*localtest.Scene
	t          *testing.T
	sweep      *localaws.Function
	machine    *states.Machine
	definition string
	master     string // the ARN of the master's secret
	publishers []*localaws.Publisher
}

var fleetOfMany = map[string]string{"Fleet": "true", "SweepMode": "act", "FleetConcurrency": "4"}

func newFleetScene(t *testing.T) *fleetScene {
	t.Helper()
	s := localtest.New(t, server(t), environmentOfFunction(t, "RotationFunction", fleetOfMany))
	f := &fleetScene{Scene: s, t: t, master: s.CreateMaster()}
	f.sweep = s.AddFunction("sweep", environmentOfFunction(t, "SweepFunction", fleetOfMany), 20*time.Second)
	s.AWS.SetBucket("results", localaws.Bucket{})
	text := newStack(readTemplate(t), fleetOfMany).resolve(readTemplate(t).Resources["FleetSweep"].Properties["DefinitionString"]).(string)
	f.definition = strings.NewReplacer("<SweepFunction.Arn>", "sweep", "<FleetResults>", "results").Replace(text)
	f.machine = &states.Machine{Invoke: f.invoke, Put: f.put}
	return f
}

func (f *fleetScene) invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	result, err := f.AWS.Function(function).Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	if result.FunctionError == "" {
		return result.Payload, nil
	}
	var told struct{ ErrorType string }
	if err := json.Unmarshal(result.Payload, &told); err != nil {
		return nil, err
	}
	return nil, &states.Error{Name: told.ErrorType, Cause: string(result.Payload)}
}

func (f *fleetScene) put(ctx context.Context, bucket, key string, body []byte) error {
	_, err := s3.NewFromConfig(f.AWS.Config()).PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	return err
}

// database has RDS describe a cluster of the shared server, whose log goes to CloudWatch if exported.
func (f *fleetScene) database(name string, exported bool) {
	f.t.Helper()
	instance, port := name+"-1", aws.Int32(int32(f.Port))
	f.AWS.SetDBCluster(rdstypes.DBCluster{DBClusterIdentifier: &name, Endpoint: &f.Host, Port: port, MasterUsername: &f.Master,
		DBClusterMembers: []rdstypes.DBClusterMember{{DBInstanceIdentifier: &instance, IsClusterWriter: aws.Bool(true)}}})
	f.AWS.SetDBInstance(rdstypes.DBInstance{DBInstanceIdentifier: &instance, DBClusterIdentifier: &name, DBInstanceStatus: aws.String("available"),
		Endpoint: &rdstypes.Endpoint{Address: &f.Host, Port: port}})
	if !exported {
		return
	}
	p, err := f.AWS.PublishLog(f.t.Context(), f.PG.LogFile(), "/aws/rds/cluster/"+name+"/postgresql", instance+".0", localaws.PublishOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	f.publishers = append(f.publishers, p)
}

// secret makes a secret of the fleet for a pair of its own, with keys that override the usual ones, and gives its ARN.
func (f *fleetScene) secret(name string, keys map[string]any, tags map[string]string) string {
	f.t.Helper()
	value := f.Value(map[string]any{"username": f.shared(name) + "_a", "masterarn": f.master, "dbClusterIdentifier": name})
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

// swept is a database that nothing is wrong with.
func (f *fleetScene) swept(name string, tags map[string]string) {
	f.t.Helper()
	f.database(name, true)
	f.setup(f.secret(name, nil, tags))
}

func (f *fleetScene) setup(arn string) {
	f.t.Helper()
	if _, err := f.Invoke(map[string]any{"action": "setup", "for": "sweep", "secretId": arn}); err != nil {
		f.t.Fatal(err)
	}
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
	if _, err := f.machine.Run(f.t.Context(), []byte(f.definition), []byte("{}")); err != nil {
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
	f.SQL(fmt.Sprintf("UPDATE %s.user_login_status SET last_login_time = last_login_time - interval '%d days'", schema, days),
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

// Twenty databases and the state machine's own text: one digest tells of all, those that fail stop nobody else, and nobody active is
// locked.
func TestFleetOfTwenty(t *testing.T) {
	t.Parallel()
	f := newFleetScene(t)
	inFleet := map[string]string{"pgrotator": "sweep"}
	var well []string
	for n := range 16 {
		well = append(well, fmt.Sprintf("db-%02d", n))
	}
	for _, name := range well {
		f.swept(name, inFleet)
	}
	f.tag("db-03", map[string]string{"pgrotator:lock-days": "30"})
	f.database("mute", false)
	f.setup(f.secret("mute", nil, inFleet))
	f.tag(f.PutNewSecret("broken", "not JSON at all"), inFleet)
	f.stranger(inFleet)
	f.secret("only-rotated", nil, map[string]string{"pgrotator": "rotate"})
	f.secret("misspelt", nil, map[string]string{"pgrotator": "swept"})
	f.SQL("CREATE ROLE tom LOGIN", fmt.Sprintf("CREATE ROLE jane LOGIN PASSWORD '%s'", localtest.PasswordA))

	first := f.run()
	for _, part := range []string{"Fleet of 19 databases", "17 of incomplete evidence"} {
		if !strings.Contains(first.Subject+first.Message, part) {
			t.Errorf("the first digest does not say %q", part)
		}
	}
	for _, name := range well {
		f.age(name, 100)
	}
	// Not before: it is tried for as long as the function's time allows.
	f.secret("unreachable", map[string]any{"port": closedPort(t)}, inFleet)
	if _, err := f.Login(localtest.Credential{Username: "jane", Password: localtest.PasswordA}); err != nil {
		t.Fatal(err)
	}
	second := f.run()
	for _, part := range []string{"Fleet of 20 databases: 1 not told, 3 failed, 1 of incomplete evidence",
		"broken: ", "not a JSON object", "unreachable: ", `stranger: table "public".user_login_job_status, owned by "mallory"`, "mute: ", "misspelt", `"swept"`,
		`db-03: pgrotator:lock-days = "30" is not used`, "Databases: 20"} {
		if !strings.Contains(second.Subject+"\n"+second.Message, part) {
			t.Errorf("the digest does not say %q", part)
		}
	}
	var tom, jane bool
	f.Ask("SELECT (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'tom'), (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'jane')", nil, &tom, &jane)
	if tom || !jane || !strings.Contains(second.Message, ": tom") || strings.Contains(second.Message, "jane") {
		t.Errorf("tom, who is idle, may log in: %v; jane, who is not, may: %v", tom, jane)
	}
	if t.Failed() {
		t.Logf("%s\n%s", second.Subject, second.Message)
	}
	f.compareWithRoles()
}

// stranger is a database in which somebody else has made tables of the sweep's names.
func (f *fleetScene) stranger(tags map[string]string) {
	f.t.Helper()
	f.SQL("CREATE DATABASE strange OWNER " + f.Master)
	f.database("stranger", true)
	arn := f.secret("stranger", map[string]any{"dbname": "strange"}, tags)
	if _, err := f.Invoke(map[string]any{"action": "setup", "for": "rotation", "secretId": arn}); err != nil {
		f.t.Fatal(err)
	}
	name, password := f.PG.Superuser()
	pgtest.Exec(f.t, f.PG, "CREATE ROLE mallory")
	f.SQLAs(f.PG.URL(name, password, "strange"), "GRANT CREATE ON SCHEMA public TO mallory",
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
