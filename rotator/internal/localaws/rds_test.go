package localaws_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

func TestDescribeComesBackAsSet(t *testing.T) {
	t.Parallel()
	stack := startStack(t)
	client := rds.NewFromConfig(stack.Config())
	created := time.Date(2026, 3, 1, 12, 30, 0, 250e6, time.UTC)
	cluster := types.DBCluster{
		DBClusterIdentifier: aws.String("main"), Engine: aws.String("aurora-postgresql"), EngineVersion: aws.String("16.4"),
		Endpoint: aws.String("main.cluster-x.us-east-1.rds.amazonaws.com"), ReaderEndpoint: aws.String("main.cluster-ro-x.us-east-1.rds.amazonaws.com"),
		CustomEndpoints: []string{"a.cluster-custom-x", "b.cluster-custom-x"}, Port: aws.Int32(5433), MasterUsername: aws.String("<root> & co"),
		DbClusterResourceId: aws.String("cluster-ABC"), EnabledCloudwatchLogsExports: []string{"postgresql"}, ClusterCreateTime: &created,
		IAMDatabaseAuthenticationEnabled: aws.Bool(true), TagList: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
		DBClusterMembers: []types.DBClusterMember{
			{DBInstanceIdentifier: aws.String("main-1"), IsClusterWriter: aws.Bool(true), PromotionTier: aws.Int32(1)},
			{DBInstanceIdentifier: aws.String("main-2"), IsClusterWriter: aws.Bool(false)}},
		VpcSecurityGroups: []types.VpcSecurityGroupMembership{{VpcSecurityGroupId: aws.String("sg-1"), Status: aws.String("active")}},
		AvailabilityZones: []string{"us-east-1a"},
	}
	instance := types.DBInstance{
		DBInstanceIdentifier: aws.String("main-1"), DBClusterIdentifier: aws.String("main"), DbiResourceId: aws.String("db-ABC"),
		Endpoint:                         &types.Endpoint{Address: aws.String("main-1.x.us-east-1.rds.amazonaws.com"), Port: aws.Int32(5433)},
		ReadReplicaDBInstanceIdentifiers: []string{"copy-1", "copy-2"}, EnabledCloudwatchLogsExports: []string{"postgresql", "upgrade"},
		MasterUsername: aws.String("root"), TagList: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
		DBParameterGroups: []types.DBParameterGroupStatus{},
	}
	deployment := types.BlueGreenDeployment{BlueGreenDeploymentIdentifier: aws.String("bgd-1"), Source: aws.String("arn:aws:rds:us-east-1:123456789012:cluster:main"),
		Status: aws.String("AVAILABLE"), Tasks: []types.BlueGreenDeploymentTask{{Name: aws.String("COPY"), Status: aws.String("DONE")}}}
	stack.SetDBCluster(cluster)
	stack.SetDBInstance(instance)
	stack.SetBlueGreenDeployment(deployment)

	clusters, err := client.DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{DBClusterIdentifier: aws.String("arn:aws:rds:us-east-1:123456789012:cluster:MAIN")})
	if err != nil || !reflect.DeepEqual(clusters.DBClusters, []types.DBCluster{cluster}) {
		t.Errorf("%+v, %v", clusters, err)
	}
	instances, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil || !reflect.DeepEqual(instances.DBInstances, []types.DBInstance{instance}) {
		t.Errorf("%+v, %v", instances, err)
	}
	deployments, err := client.DescribeBlueGreenDeployments(t.Context(), &rds.DescribeBlueGreenDeploymentsInput{
		Filters: []types.Filter{{Name: aws.String("source"), Values: []string{*deployment.Source}}}})
	if err != nil || !reflect.DeepEqual(deployments.BlueGreenDeployments, []types.BlueGreenDeployment{deployment}) {
		t.Errorf("%+v, %v", deployments, err)
	}

	stack.RemoveDBInstance("main-1")
	_, err = client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("main-1")})
	wantCode(t, err, "DBInstanceNotFound")
	_, err = client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{Filters: []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}}})
	wantCode(t, err, "InvalidParameterValue")
}
