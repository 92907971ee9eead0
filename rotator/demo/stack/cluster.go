package stack

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/verifier"
)

// Cluster is what RDS calls the server: an Aurora cluster of one instance.
const Cluster = "shop-db"

// Topic is where notices go.
const Topic = "arn:aws:sns:" + localaws.Region + ":" + localaws.AccountID + ":notices"

// DescribeCluster has RDS tell of the server as a cluster of that name, as a secret's dbClusterIdentifier names it.
func (s *Stack) DescribeCluster(name string) {
	instance, host, port := name+"-1", aws.String("localhost"), aws.Int32(int32(s.PG.Port()))
	s.AWS.SetDBCluster(types.DBCluster{
		DBClusterIdentifier: &name, DBClusterArn: aws.String(fmt.Sprintf("arn:aws:rds:%s:%s:cluster:%s", localaws.Region, localaws.AccountID, name)),
		Endpoint: host, Port: port, MasterUsername: aws.String(Master), EnabledCloudwatchLogsExports: []string{"postgresql"},
		DBClusterMembers: []types.DBClusterMember{{DBInstanceIdentifier: &instance, IsClusterWriter: aws.Bool(true)}}})
	s.AWS.SetDBInstance(types.DBInstance{
		DBInstanceIdentifier: &instance, DBClusterIdentifier: &name, DBInstanceStatus: aws.String("available"),
		Endpoint: &types.Endpoint{Address: host, Port: port}})
}

// PublishLog sends the server's log to CloudWatch from now on, as RDS does for Cluster.
func (s *Stack) PublishLog(ctx context.Context) (*localaws.Publisher, error) {
	return s.PublishLogOf(ctx, Cluster)
}

// PublishLogOf is PublishLog for another cluster that DescribeCluster has told of.
func (s *Stack) PublishLogOf(ctx context.Context, cluster string) (*localaws.Publisher, error) {
	return s.AWS.PublishLog(ctx, s.PG.LogFile(), "/aws/rds/cluster/"+cluster+"/postgresql", cluster+"-1.0", localaws.PublishOptions{})
}

// Reports is the bucket for what an auditor looks at.
const Reports = "shop-audit"

// AddSweep adds the function that sweeps, with a policy, and the bucket.
func (s *Stack) AddSweep(policy map[string]string) (*localaws.Function, error) {
	s.AWS.SetBucket(Reports, localaws.Bucket{Versioned: true})
	env := map[string]string{"DB_CA_FILE": s.PG.CAFile()}
	for name, value := range policy {
		env[name] = value
	}
	return s.AWS.AddFunction(localaws.FunctionOptions{Name: "sweep", Binary: s.Binary, Env: env})
}

// AddPerson has the master make a login role with a password of its own.
func (s *Stack) AddPerson(ctx context.Context, name string) error {
	password := s.newPassword()
	made, err := verifier.New(verifier.Default, name, password)
	if err != nil {
		return fmt.Errorf("making the verifier of %s: %w", name, err)
	}
	if s.people == nil {
		s.people = map[string]string{}
	}
	s.people[name] = password
	return s.AsMaster(ctx, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", name, made))
}

// ConnectAs logs in as somebody that AddPerson made.
func (s *Stack) ConnectAs(ctx context.Context, name string) (*pgx.Conn, error) {
	return s.Connect(ctx, Credential{Username: name, Password: s.people[name]}, "psql")
}
