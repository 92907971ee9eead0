package cluster_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

// An id that is on a later page is known, and one that cannot be listed is not taken for gone.
func TestResourceIDs(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	for n := range 150 {
		name := fmt.Sprintf("db-%03d", n)
		stack.SetDBCluster(types.DBCluster{DBClusterIdentifier: &name, DbClusterResourceId: aws.String("cluster-" + name)})
		stack.SetDBInstance(types.DBInstance{DBInstanceIdentifier: &name, DbiResourceId: aws.String("instance-" + name)})
	}
	client := rds.NewFromConfig(stack.Config())
	known, err := cluster.ResourceIDs(t.Context(), client)
	if err != nil || len(known) != 300 || known["cluster-db-149"] != "db-149" || known["instance-db-149"] != "db-149" {
		t.Errorf("%d ids, %v", len(known), err)
	}
	stack.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation == "DescribeDBInstances" {
			return localaws.Fail("AccessDenied", 403)
		}
		return localaws.Pass
	})
	if known, err := cluster.ResourceIDs(t.Context(), client); err == nil || known != nil {
		t.Errorf("half a list: %d ids, %v", len(known), err)
	}
}

// The permission on a user names the partition, Region and account of the database.
func TestConnectResource(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		"arn:aws:rds:eu-west-1:111122223333:cluster:orders":       "arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-A/bob",
		"arn:aws-cn:rds:cn-north-1:111122223333:cluster:orders":   "arn:aws-cn:rds-db:cn-north-1:111122223333:dbuser:cluster-A/bob",
		"arn:aws-us-gov:rds:us-gov-west-1:111122223333:db:orders": "arn:aws-us-gov:rds-db:us-gov-west-1:111122223333:dbuser:cluster-A/bob",
		"": "",
	} {
		if got := (cluster.Cluster{ARN: arn, ResourceID: "cluster-A"}).ConnectResource("bob"); got != want {
			t.Errorf("%q: %q, want %q", arn, got, want)
		}
	}
	if got := (cluster.Cluster{ARN: "arn:aws:rds:eu-west-1:111122223333:cluster:orders"}).ConnectResource("bob"); got != "" {
		t.Errorf("without a resource id: %q", got)
	}
}
