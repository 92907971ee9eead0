package cluster

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/awserror"
)

// clusterNamed asks RDS for one cluster. id is a name or an ARN.
func clusterNamed(ctx context.Context, client *rds.Client, id string) (types.DBCluster, error) {
	out, err := client.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &id})
	if err != nil {
		return types.DBCluster{}, fmt.Errorf("describing DB cluster %q: %w", id, awserror.RDS.Explain(err))
	}
	if len(out.DBClusters) != 1 {
		return types.DBCluster{}, fmt.Errorf("describing DB cluster %q: RDS answers with %d clusters", id, len(out.DBClusters))
	}
	return out.DBClusters[0], nil
}

// instancesOf asks RDS for the instances of a cluster.
func instancesOf(ctx context.Context, client *rds.Client, cluster string) ([]types.DBInstance, error) {
	var found []types.DBInstance
	pages := rds.NewDescribeDBInstancesPaginator(client, &rds.DescribeDBInstancesInput{
		Filters: []types.Filter{{Name: aws.String("db-cluster-id"), Values: []string{cluster}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing the instances of DB cluster %q: %w", cluster, awserror.RDS.Explain(err))
		}
		found = append(found, page.DBInstances...)
	}
	return found, nil
}

// instanceNamed asks RDS for one instance. id is a name or an ARN.
func instanceNamed(ctx context.Context, client *rds.Client, id string) (types.DBInstance, error) {
	out, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if err != nil {
		return types.DBInstance{}, fmt.Errorf("describing DB instance %q: %w", id, awserror.RDS.Explain(err))
	}
	if len(out.DBInstances) != 1 {
		return types.DBInstance{}, fmt.Errorf("describing DB instance %q: RDS answers with %d instances", id, len(out.DBInstances))
	}
	return out.DBInstances[0], nil
}
