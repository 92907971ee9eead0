package master

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// clusterEndpoints lists a cluster's own, its custom and its instances' addresses, the writer's first. id is a name or an ARN.
func (f *Finder) clusterEndpoints(ctx context.Context, id string) ([]string, error) {
	out, err := f.rds.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &id})
	if err != nil {
		return nil, fmt.Errorf("describing DB cluster %s: %w", id, err)
	}
	if len(out.DBClusters) != 1 {
		return nil, fmt.Errorf("describing DB cluster %s: RDS answers with %d clusters", id, len(out.DBClusters))
	}
	cluster := out.DBClusters[0]
	port := uint16(aws.ToInt32(cluster.Port))
	endpoints := []string{address(aws.ToString(cluster.Endpoint), port)}
	for _, custom := range cluster.CustomEndpoints {
		endpoints = append(endpoints, address(custom, port))
	}
	members, err := f.memberEndpoints(ctx, aws.ToString(cluster.DBClusterIdentifier))
	return append(endpoints, members...), err
}

// memberEndpoints lists the addresses of a cluster's instances: a secret may name the writer's own.
func (f *Finder) memberEndpoints(ctx context.Context, cluster string) ([]string, error) {
	out, err := f.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{
		Filters: []types.Filter{{Name: aws.String("db-cluster-id"), Values: []string{cluster}}}})
	if err != nil {
		return nil, fmt.Errorf("describing the instances of DB cluster %s: %w", cluster, err)
	}
	return addresses(out.DBInstances), nil
}

func (f *Finder) instanceEndpoints(ctx context.Context, id string) ([]string, error) {
	out, err := f.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if err != nil {
		return nil, fmt.Errorf("describing DB instance %s: %w", id, err)
	}
	return addresses(out.DBInstances), nil
}

func addresses(instances []types.DBInstance) []string {
	var found []string
	for _, instance := range instances {
		if instance.Endpoint != nil {
			found = append(found, address(aws.ToString(instance.Endpoint.Address), uint16(aws.ToInt32(instance.Endpoint.Port))))
		}
	}
	return found
}
