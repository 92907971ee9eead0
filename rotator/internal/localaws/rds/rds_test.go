package rds_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

func TestDescribeComesBackAsSet(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
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
	awstest.WantCode(t, err, "DBInstanceNotFound")
	_, err = client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{Filters: []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}}})
	awstest.WantCode(t, err, "InvalidParameterValue")
}

func TestInstanceKeepsItsResourceID(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	for _, name := range []string{"main-1", "main-2"} {
		stack.SetDBInstance(types.DBInstance{DBInstanceIdentifier: &name, DBClusterIdentifier: aws.String("main")})
	}
	members := []types.DBClusterMember{{DBInstanceIdentifier: aws.String("main-1"), IsClusterWriter: aws.Bool(true)}, {DBInstanceIdentifier: aws.String("main-2")}}
	stack.SetDBCluster(types.DBCluster{DBClusterIdentifier: aws.String("main"), DBClusterMembers: members})
	before := resourceIDs(t, stack)
	if before["main-1"] == before["main-2"] || !strings.HasPrefix(before["main-1"], "db-") {
		t.Fatalf("resource ids %v", before)
	}
	stack.SetDBInstance(types.DBInstance{DBInstanceIdentifier: aws.String("main-1"), DBInstanceStatus: aws.String("available")})
	if err := stack.RenameDBInstance("main-2", "main-3"); err != nil {
		t.Fatal(err)
	}
	if err := stack.SwapDBInstances("main-1", "main-3"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"main-1": before["main-2"], "main-3": before["main-1"]}
	if after := resourceIDs(t, stack); !maps.Equal(after, want) {
		t.Errorf("resource ids %v, want %v", after, want)
	}
	clusters, err := rds.NewFromConfig(stack.Config()).DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{})
	if m := clusters.DBClusters[0].DBClusterMembers; err != nil || *m[0].DBInstanceIdentifier != "main-3" || !*m[0].IsClusterWriter || *m[1].DBInstanceIdentifier != "main-1" {
		t.Errorf("%+v, %v", m, err)
	}
	if *members[0].DBInstanceIdentifier != "main-1" {
		t.Error("the test's own members were renamed")
	}
	if stack.RenameDBInstance("main-9", "main-4") == nil || stack.RenameDBInstance("main-1", "main-3") == nil {
		t.Error("an unknown instance, or one to a name in use, was renamed")
	}
}

func resourceIDs(t *testing.T, stack *localaws.Stack) map[string]string {
	t.Helper()
	out, err := rds.NewFromConfig(stack.Config()).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, i := range out.DBInstances {
		ids[*i.DBInstanceIdentifier] = *i.DbiResourceId
	}
	return ids
}

func TestClusterWithoutItsMembers(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	stack.SetDBCluster(types.DBCluster{DBClusterIdentifier: aws.String("main"), DBClusterMembers: []types.DBClusterMember{{DBInstanceIdentifier: aws.String("main-1")}}})
	for withheld, want := range map[bool]int{true: 0, false: 1} {
		stack.WithholdDBClusterMembers("main", withheld)
		out, err := rds.NewFromConfig(stack.Config()).DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{})
		if err != nil || len(out.DBClusters) != 1 || len(out.DBClusters[0].DBClusterMembers) != want {
			t.Errorf("withheld %v: %+v, %v", withheld, out, err)
		}
	}
}

func TestEventsAreSelected(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	ago := func(d time.Duration) *time.Time { return aws.Time(now.Add(-d)) }
	for _, e := range []types.Event{
		{Message: aws.String("restarted"), Date: ago(time.Minute), SourceType: types.SourceTypeDbInstance, SourceIdentifier: aws.String("main-1"), EventCategories: []string{"availability", "notification"}},
		{Message: aws.String("renamed"), Date: ago(3 * time.Hour), SourceType: types.SourceTypeDbInstance, SourceIdentifier: aws.String("main-2"), EventCategories: []string{"configuration change"}},
		{Message: aws.String("failed over"), Date: ago(2 * time.Hour), SourceType: types.SourceTypeDbCluster, SourceIdentifier: aws.String("main"), EventCategories: []string{"failover"}},
		{Message: aws.String("created"), Date: ago(15 * 24 * time.Hour), SourceType: types.SourceTypeDbCluster, SourceIdentifier: aws.String("main")},
	} {
		stack.AddDBEvent(e)
	}
	for name, test := range map[string]struct {
		in   rds.DescribeEventsInput
		want []string
	}{
		"an hour by default":     {rds.DescribeEventsInput{}, []string{"restarted"}},
		"minutes":                {rds.DescribeEventsInput{Duration: aws.Int32(150)}, []string{"failed over", "restarted"}},
		"fourteen days at most":  {rds.DescribeEventsInput{StartTime: ago(30 * 24 * time.Hour)}, []string{"renamed", "failed over", "restarted"}},
		"an interval":            {rds.DescribeEventsInput{StartTime: ago(4 * time.Hour), EndTime: ago(2*time.Hour + time.Minute)}, []string{"renamed"}},
		"of a kind of source":    {rds.DescribeEventsInput{Duration: aws.Int32(20_160), SourceType: types.SourceTypeDbCluster}, []string{"failed over"}},
		"of an instance":         {rds.DescribeEventsInput{Duration: aws.Int32(20_160), SourceType: types.SourceTypeDbInstance, SourceIdentifier: aws.String("MAIN-2")}, []string{"renamed"}},
		"of another name's kind": {rds.DescribeEventsInput{Duration: aws.Int32(20_160), SourceType: types.SourceTypeDbCluster, SourceIdentifier: aws.String("main-2")}, nil},
		"of a category":          {rds.DescribeEventsInput{Duration: aws.Int32(20_160), EventCategories: []string{"notification", "failover"}}, []string{"failed over", "restarted"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := rds.NewFromConfig(stack.Config()).DescribeEvents(t.Context(), &test.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range out.Events {
				got = append(got, *e.Message)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	out, err := rds.NewFromConfig(stack.Config()).DescribeEvents(t.Context(), &rds.DescribeEventsInput{})
	if err != nil || !slices.Equal(out.Events[0].EventCategories, []string{"availability", "notification"}) || !out.Events[0].Date.Equal(now.Add(-time.Minute)) {
		t.Errorf("%+v, %v", out.Events, err)
	}
	_, err = rds.NewFromConfig(stack.Config()).DescribeEvents(t.Context(), &rds.DescribeEventsInput{SourceIdentifier: aws.String("main")})
	awstest.WantCode(t, err, "InvalidParameterCombination")
}

func TestEventsComeInPages(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	for range 45 {
		stack.AddDBEvent(types.Event{Message: aws.String("backed up"), Date: aws.Time(time.Now()), SourceType: types.SourceTypeDbCluster, SourceIdentifier: aws.String("main")})
	}
	events, pages := 0, 0
	for p := rds.NewDescribeEventsPaginator(rds.NewFromConfig(stack.Config()), &rds.DescribeEventsInput{MaxRecords: aws.Int32(20)}); p.HasMorePages(); pages++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		events += len(page.Events)
	}
	if events != 45 || pages != 3 {
		t.Errorf("%d events in %d pages", events, pages)
	}
}
