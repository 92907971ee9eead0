package localtest

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/internal/localaws"
)

// Cluster has RDS describe the server as an Aurora cluster of one instance, name-1, whose log goes to CloudWatch. The ARN is
// the cluster's; the secret names it in dbClusterIdentifier.
func (s *Scene) Cluster(name string) (arn string) {
	s.t.Helper()
	arn = "arn:aws:rds:" + localaws.Region + ":" + localaws.AccountID + ":cluster:" + name
	instance, port := name+"-1", aws.Int32(int32(s.Port))
	s.AWS.SetDBCluster(types.DBCluster{
		DBClusterIdentifier: &name, DBClusterArn: &arn, DbClusterResourceId: aws.String("cluster-" + strings.ToUpper(name)), Endpoint: &s.Host, Port: port, MasterUsername: &s.Master,
		EnabledCloudwatchLogsExports: []string{"postgresql"},
		DBClusterMembers:             []types.DBClusterMember{{DBInstanceIdentifier: &instance, IsClusterWriter: aws.Bool(true)}}})
	s.AWS.SetDBInstance(types.DBInstance{
		DBInstanceIdentifier: &instance, DBClusterIdentifier: &name, DBInstanceStatus: aws.String("available"),
		Endpoint: &types.Endpoint{Address: &s.Host, Port: port}})
	var err error
	s.Log, err = s.AWS.PublishLog(s.t.Context(), s.PG.LogFile(), "/aws/rds/cluster/"+name+"/postgresql", instance+".0", localaws.PublishOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return arn
}
