package localaws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"pgrotator/rotator/internal/localaws/awstest"
)

// otherChecks are those of RDS, STS and SNS.
func otherChecks() map[string]check {
	return map[string]check{
		"cluster tells its members":                  checkClusterTellsItsMembers,
		"instances are filtered by cluster":          checkInstancesAreFilteredByCluster,
		"unknown cluster and instance are not found": checkUnknownClusterAndInstanceAreNotFound,
		"no blue/green deployment is an empty list":  checkNoBlueGreenDeploymentIsAnEmptyList,
		"no event is an empty list":                  checkNoEventIsAnEmptyList,
		"instances have resource ids of their own":   checkInstancesHaveResourceIDsOfTheirOwn,
		"assumed role has credentials":               checkAssumedRoleHasCredentials,
		"notice is published":                        checkNoticeIsPublished,
		"subject over 100 characters is refused":     checkSubjectOver100CharactersIsRefused,
	}
}

func checkClusterTellsItsMembers(t *testing.T, to target) {
	name := unique("cluster")
	to.addCluster(t, name)
	out, err := rds.NewFromConfig(to.config).DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{DBClusterIdentifier: &name})
	if err != nil || len(out.DBClusters) != 1 || len(out.DBClusters[0].DBClusterMembers) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	if m := out.DBClusters[0].DBClusterMembers[0]; *m.DBInstanceIdentifier != name || !*m.IsClusterWriter {
		t.Errorf("%+v", m)
	}
}

func checkInstancesAreFilteredByCluster(t *testing.T, to target) {
	name := unique("cluster")
	to.addCluster(t, name)
	to.addCluster(t, unique("other"))
	out, err := rds.NewFromConfig(to.config).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{
		Filters: []rdstypes.Filter{{Name: aws.String("db-cluster-id"), Values: []string{name}}}})
	if err != nil || len(out.DBInstances) != 1 || *out.DBInstances[0].DBInstanceIdentifier != name {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkUnknownClusterAndInstanceAreNotFound(t *testing.T, to target) {
	client := rds.NewFromConfig(to.config)
	_, err := client.DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{DBClusterIdentifier: aws.String("none")})
	awstest.WantCode(t, err, "DBClusterNotFoundFault")
	_, err = client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("none")})
	awstest.WantCode(t, err, "DBInstanceNotFound")
}

func checkNoBlueGreenDeploymentIsAnEmptyList(t *testing.T, to target) {
	out, err := rds.NewFromConfig(to.config).DescribeBlueGreenDeployments(t.Context(), &rds.DescribeBlueGreenDeploymentsInput{})
	if err != nil || len(out.BlueGreenDeployments) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkNoEventIsAnEmptyList(t *testing.T, to target) {
	name := unique("cluster")
	to.addCluster(t, name)
	out, err := rds.NewFromConfig(to.config).DescribeEvents(t.Context(), &rds.DescribeEventsInput{
		SourceType: rdstypes.SourceTypeDbCluster, SourceIdentifier: &name, Duration: aws.Int32(20_160)})
	if err != nil || len(out.Events) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkInstancesHaveResourceIDsOfTheirOwn(t *testing.T, to target) {
	ids := map[string]bool{}
	for range 2 {
		name := unique("cluster")
		to.addCluster(t, name)
		out, err := rds.NewFromConfig(to.config).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name})
		if err != nil || len(out.DBInstances) != 1 || !strings.HasPrefix(aws.ToString(out.DBInstances[0].DbiResourceId), "db-") {
			t.Fatalf("%+v, %v", out, err)
		}
		ids[*out.DBInstances[0].DbiResourceId] = true
	}
	if len(ids) != 2 {
		t.Errorf("two instances share the resource id %v", ids)
	}
}

func checkAssumedRoleHasCredentials(t *testing.T, to target) {
	out, err := sts.NewFromConfig(to.config).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::210987654321:role/path/reader"), RoleSessionName: aws.String("here")})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	if *c.AccessKeyId == "" || *c.SecretAccessKey == "" || *c.SessionToken == "" || !c.Expiration.After(time.Now()) {
		t.Errorf("credentials %+v", c)
	}
}

func checkNoticeIsPublished(t *testing.T, to target) {
	topic := to.addTopic(t, unique("topic"))
	out, err := sns.NewFromConfig(to.config).Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Subject: aws.String("hello"), Message: aws.String("a & b\nc")})
	if err != nil || aws.ToString(out.MessageId) == "" {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkSubjectOver100CharactersIsRefused(t *testing.T, to target) {
	topic := to.addTopic(t, unique("topic"))
	subject := make([]byte, 101)
	for i := range subject {
		subject[i] = 'x'
	}
	_, err := sns.NewFromConfig(to.config).Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Subject: aws.String(string(subject)), Message: aws.String("m")})
	awstest.WantCode(t, err, "InvalidParameter")
}
