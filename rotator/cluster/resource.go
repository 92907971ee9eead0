package cluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"pgrotator/rotator/awserror"
)

// ConnectResource is the resource of the rds-db:connect permission that lets user log in by IAM token (RDS User Guide,
// "Creating and using an IAM policy for IAM database access"); "" where the database is not known.
func (c Cluster) ConnectResource(user string) string {
	parts := strings.Split(c.ARN, ":") // arn:partition:rds:region:account:cluster:name
	if len(parts) < 5 || c.ResourceID == "" {
		return ""
	}
	return fmt.Sprintf("arn:%s:rds-db:%s:%s:dbuser:%s/%s", parts[1], parts[3], parts[4], c.ResourceID, user)
}

// ResourceIDs lists the resource ids of all clusters and instances of the account and Region, with their names. Half a list is none:
// an id that is missing from it would be taken for that of a database that is gone.
func ResourceIDs(ctx context.Context, client *rds.Client) (map[string]string, error) {
	known := map[string]string{}
	clusters := rds.NewDescribeDBClustersPaginator(client, &rds.DescribeDBClustersInput{})
	for clusters.HasMorePages() {
		page, err := clusters.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing the account's DB clusters: %w", awserror.RDS.Explain(err))
		}
		for _, c := range page.DBClusters {
			known[aws.ToString(c.DbClusterResourceId)] = aws.ToString(c.DBClusterIdentifier)
		}
	}
	instances := rds.NewDescribeDBInstancesPaginator(client, &rds.DescribeDBInstancesInput{})
	for instances.HasMorePages() {
		page, err := instances.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing the account's DB instances: %w", awserror.RDS.Explain(err))
		}
		for _, i := range page.DBInstances {
			known[aws.ToString(i.DbiResourceId)] = aws.ToString(i.DBInstanceIdentifier)
		}
	}
	return known, nil
}
