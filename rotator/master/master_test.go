package master_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/master"
	"pgrotator/rotator/secret"
)

const arnPrefix = "arn:aws:rds:" + localaws.Region + ":" + localaws.AccountID + ":"

// newStack has the cluster "app" with two instances and a custom endpoint, the cluster "other", and the instance "single".
func newStack(t *testing.T) *localaws.Stack {
	t.Helper()
	stack, err := localaws.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	stack.SetDBCluster(rdstypes.DBCluster{DBClusterIdentifier: aws.String("app"), Endpoint: aws.String("app.cluster.example"), Port: aws.Int32(5432),
		ReaderEndpoint: aws.String("app.cluster-ro.example"), CustomEndpoints: []string{"app.custom.example"}})
	stack.SetDBCluster(rdstypes.DBCluster{DBClusterIdentifier: aws.String("other"), Endpoint: aws.String("other.cluster.example"), Port: aws.Int32(5432)})
	for _, name := range []string{"app-1", "app-2"} {
		stack.SetDBInstance(rdstypes.DBInstance{DBInstanceIdentifier: aws.String(name), DBClusterIdentifier: aws.String("app"),
			Endpoint: &rdstypes.Endpoint{Address: aws.String(name + ".example"), Port: aws.Int32(5432)}})
	}
	stack.SetDBInstance(rdstypes.DBInstance{DBInstanceIdentifier: aws.String("single"),
		Endpoint: &rdstypes.Endpoint{Address: aws.String("single.example"), Port: aws.Int32(5433)}})
	stack.SetDBInstance(rdstypes.DBInstance{DBInstanceIdentifier: aws.String("being-made")}) // no endpoint yet
	return stack
}

// managed is the whole text of a master secret that RDS manages.
const managed = `{"username":"postgres","password":"p"}`

func unmanaged(keys map[string]any) string {
	all := map[string]any{"engine": "postgres", "host": "db.example", "username": "postgres", "password": "p"}
	for key, value := range keys {
		all[key] = value
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// The master is that of a secret's server only where the master's secret, or RDS, says so.
func TestOf(t *testing.T) {
	t.Parallel()
	stack := newStack(t)
	cluster, instance := "aws:rds:primaryDBClusterArn", "aws:rds:primaryDBInstanceArn"
	for name, c := range map[string]struct {
		master  string
		tags    map[string]string
		host    string
		port    int
		refusal string // "" = found
	}{
		"same host":                    {unmanaged(nil), nil, "db.example", 5432, ""},
		"same host in another case":    {unmanaged(nil), nil, "DB.Example", 5432, ""},
		"same host with a last dot":    {unmanaged(nil), nil, "db.example.", 5432, ""},
		"another host":                 {unmanaged(nil), nil, "evil.example", 5432, "is for db.example:5432, and this one is for evil.example:5432"},
		"another port":                 {unmanaged(nil), nil, "db.example", 5433, "must be of the same host or cluster"},
		"instance of its cluster":      {unmanaged(map[string]any{"host": "app.cluster.example", "dbClusterIdentifier": "app"}), nil, "app-2.example", 5432, ""},
		"host outside its cluster":     {unmanaged(map[string]any{"host": "app.cluster.example", "dbClusterIdentifier": "app"}), nil, "evil.example", 5432, "must be of the same host or cluster"},
		"cluster that is not its own":  {unmanaged(map[string]any{"host": "db.example", "dbClusterIdentifier": "other"}), nil, "other.cluster.example", 5432, "must be of the same host or cluster"},
		"managed, writer":              {managed, map[string]string{cluster: arnPrefix + "cluster:app"}, "app.cluster.example", 5432, ""},
		"managed, custom endpoint":     {managed, map[string]string{cluster: arnPrefix + "cluster:app"}, "app.custom.example", 5432, ""},
		"managed, instance of cluster": {managed, map[string]string{cluster: arnPrefix + "cluster:app"}, "app-1.example", 5432, ""},
		"managed, another cluster":     {managed, map[string]string{cluster: arnPrefix + "cluster:other"}, "app.cluster.example", 5432, "must be of the same host or cluster"},
		"managed, another instance":    {managed, map[string]string{cluster: arnPrefix + "cluster:app"}, "single.example", 5433, "must be of the same host or cluster"},
		"managed, single instance":     {managed, map[string]string{instance: arnPrefix + "db:single"}, "single.example", 5433, ""},
		"managed, cluster gone":        {managed, map[string]string{cluster: arnPrefix + "cluster:gone"}, "app.cluster.example", 5432, "describing DB cluster"},
		"managed, instance gone":       {managed, map[string]string{instance: arnPrefix + "db:gone"}, "single.example", 5433, "describing DB instance"},
		"managed, instance being made": {managed, map[string]string{instance: arnPrefix + "db:being-made"}, "single.example", 5433, "must be of the same host or cluster"},
		"neither host nor tags":        {managed, nil, "app.cluster.example", 5432, "neither the tag " + cluster + " nor " + instance},
		"no JSON":                      {"hunter2", nil, "db.example", 5432, "is not a JSON object"},
		"no password":                  {`{"username":"postgres"}`, nil, "db.example", 5432, `"password" is missing`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arn := putSecret(t, stack, strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ",", ""), c.master, c.tags)
			v := secret.Value{Host: c.host, Port: uint16(c.port), Database: "app", MasterARN: arn}
			found, err := newFinder(stack).Of(t.Context(), v)
			if c.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), c.refusal) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%v; want %q", err, c.refusal)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if found.Login.User != "postgres" || found.Login.Password != "p" || found.Server.Host != c.host || found.Server.Database != "app" || found.Server.Plaintext {
				t.Errorf("found %+v", found.Server)
			}
		})
	}
}

func newFinder(stack *localaws.Stack) *master.Finder {
	return master.NewFinder(secret.NewStore(secretsmanager.NewFromConfig(stack.Config())), rds.NewFromConfig(stack.Config()), master.NewSigner(stack.Config()))
}

func putSecret(t *testing.T, stack *localaws.Stack, name, text string, tags map[string]string) (arn string) {
	t.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text}
	for key, value := range tags {
		in.Tags = append(in.Tags, types.Tag{Key: &key, Value: &value})
	}
	out, err := secretsmanager.NewFromConfig(stack.Config()).CreateSecret(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

// Where the master's secret names no cluster, the other one's may: RDS says whether both hosts are of it.
func TestClusterOfTheOtherSecret(t *testing.T) {
	t.Parallel()
	stack := newStack(t)
	for name, c := range map[string]struct {
		master, host, cluster string
		refused               bool
	}{
		"writer endpoint and an instance":         {"app.cluster.example", "app-1.example", "app", false},
		"an instance and the writer endpoint":     {"app-1.example", "app.cluster.example", "app", false},
		"a cluster that the master is not of":     {"app.cluster.example", "other.cluster.example", "other", true},
		"a cluster that the other host is not of": {"app.cluster.example", "other.cluster.example", "app", true},
		"no cluster": {"app.cluster.example", "app-1.example", "", true},
	} {
		arn := putSecret(t, stack, strings.ReplaceAll(name, " ", "-"), unmanaged(map[string]any{"host": c.master}), nil)
		_, err := newFinder(stack).Of(t.Context(), secret.Value{Host: c.host, Port: 5432, Database: "app", MasterARN: arn, ClusterIdentifier: c.cluster})
		if refused := err != nil && strings.Contains(err.Error(), "must be of the same host or cluster"); refused != c.refused || !c.refused && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TLS towards the master follows the master's secret: the other one says nothing about it.
func TestTLSFollowsTheMasterSecret(t *testing.T) {
	t.Parallel()
	stack := newStack(t)
	for name, c := range map[string]struct {
		master map[string]any
		secret bool
		want   bool
	}{
		"secret without TLS": {nil, true, false},
		"master without TLS": {map[string]any{"ssl": false}, false, true},
	} {
		arn := putSecret(t, stack, strings.ReplaceAll(name, " ", "-"), unmanaged(c.master), nil)
		found, err := newFinder(stack).Of(t.Context(), secret.Value{Host: "db.example", Port: 5432, Plaintext: c.secret, MasterARN: arn})
		if err != nil || found.Server.Plaintext != c.want {
			t.Errorf("%s: plaintext %v, error %v; want %v", name, found.Server.Plaintext, err, c.want)
		}
	}
}

func TestOfWithoutMaster(t *testing.T) {
	t.Parallel()
	finder := newFinder(newStack(t))
	if _, err := finder.Of(t.Context(), secret.Value{Host: "db.example", Port: 5432}); err == nil || !strings.Contains(err.Error(), `neither the key "masterarn"`) {
		t.Errorf("no masterarn: %v", err)
	}
	if _, err := finder.Of(t.Context(), secret.Value{Host: "db.example", Port: 5432, MasterARN: "gone"}); err == nil || !strings.Contains(err.Error(), "reading the secret at masterarn") {
		t.Errorf("masterarn of no secret: %v", err)
	}
}
