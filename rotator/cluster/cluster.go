// Package cluster knows the database that a secret belongs to as AWS sees it: its instances and where they listen, and the
// CloudWatch log groups that hold their logs.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/secret"
)

// Cluster is a database with all its instances.
type Cluster struct {
	Name       string // of the cluster, or of the primary instance
	MasterUser string
	ARN        string // of the cluster or the primary instance; it names the Region and the account
	ResourceID string // what rds-db:connect names: DbClusterResourceId or DbiResourceId
	Instances  []Instance
	// IAMAuthentication tells whether RDS takes IAM tokens for the passwords of members of rds_iam.
	IAMAuthentication bool
	// Unreachable are parts of the database that cannot be seen from here, each a sentence: roles may be active there.
	Unreachable []string
}

// Instance is one server of a cluster.
type Instance struct {
	Name       string
	Host       string // its own endpoint, "" while it is being made
	Port       uint16
	Writer     bool
	Group      string // the log group of its log
	Created    time.Time
	Exported   bool   // its PostgreSQL log is exported to CloudWatch Logs
	ResourceID string // DbiResourceId, which a rename leaves as it is
}

// postgresqlLog is the log type whose export the sweep reads.
const postgresqlLog = "postgresql"

// Describe asks RDS for the database that the secret's dbClusterIdentifier or dbInstanceIdentifier names.
func Describe(ctx context.Context, client *rds.Client, v secret.Value) (Cluster, error) {
	switch {
	case v.ClusterIdentifier != "":
		return describeCluster(ctx, client, v.ClusterIdentifier)
	case v.InstanceIdentifier != "":
		return describeInstance(ctx, client, v.InstanceIdentifier)
	}
	return Cluster{}, errors.New(`finding the instances: the secret has neither the key "dbClusterIdentifier" nor "dbInstanceIdentifier": add the one that names its database`)
}

func describeCluster(ctx context.Context, client *rds.Client, id string) (Cluster, error) {
	found, err := clusterNamed(ctx, client, id)
	if err != nil {
		return Cluster{}, err
	}
	c := Cluster{
		Name: aws.ToString(found.DBClusterIdentifier), MasterUser: aws.ToString(found.MasterUsername),
		ARN: aws.ToString(found.DBClusterArn), ResourceID: aws.ToString(found.DbClusterResourceId),
		Unreachable: replicasElsewhere(found), IAMAuthentication: aws.ToBool(found.IAMDatabaseAuthenticationEnabled),
	}
	members, err := describeMembers(ctx, client, c.Name)
	if err != nil {
		return Cluster{}, err
	}
	for _, m := range found.DBClusterMembers {
		name := aws.ToString(m.DBInstanceIdentifier)
		instance, known := members[name]
		if !known {
			return Cluster{}, fmt.Errorf("describing the instances of DB cluster %s: its member %s is not among them", c.Name, name)
		}
		instance.Writer, instance.Group = aws.ToBool(m.IsClusterWriter), clusterGroup(c.Name)
		instance.Exported = slices.Contains(found.EnabledCloudwatchLogsExports, postgresqlLog)
		c.Instances = append(c.Instances, instance)
	}
	return c, nil
}

// replicasElsewhere are a global database's other Regions and clusters that replicate from this one: they have endpoints and
// log groups of their own.
func replicasElsewhere(found types.DBCluster) []string {
	var list []string
	if global := aws.ToString(found.GlobalClusterIdentifier); global != "" {
		list = append(list, fmt.Sprintf("The cluster belongs to the global database %s: what happens in its other Regions cannot be seen from here.", global))
	}
	for _, replica := range found.ReadReplicaIdentifiers {
		list = append(list, fmt.Sprintf("%s replicates from the cluster: what happens there cannot be seen from here.", replica))
	}
	return list
}

func describeMembers(ctx context.Context, client *rds.Client, name string) (map[string]Instance, error) {
	found, err := instancesOf(ctx, client, name)
	members := map[string]Instance{}
	for _, i := range found {
		members[aws.ToString(i.DBInstanceIdentifier)] = instanceOf(i)
	}
	return members, err
}

// describeInstance describes an RDS instance with its read replicas, and theirs.
func describeInstance(ctx context.Context, client *rds.Client, id string) (Cluster, error) {
	primary, err := instanceNamed(ctx, client, id)
	if err != nil {
		return Cluster{}, err
	}
	c := Cluster{
		Name: aws.ToString(primary.DBInstanceIdentifier), MasterUser: aws.ToString(primary.MasterUsername),
		ARN: aws.ToString(primary.DBInstanceArn), ResourceID: aws.ToString(primary.DbiResourceId),
		IAMAuthentication: aws.ToBool(primary.IAMDatabaseAuthenticationEnabled),
	}
	if id := aws.ToString(primary.DBClusterIdentifier); id != "" { // then rds-db:connect names the cluster
		c.ResourceID, c.IAMAuthentication = "", false
		if of, err := clusterNamed(ctx, client, id); err == nil {
			c.ResourceID, c.IAMAuthentication = aws.ToString(of.DbClusterResourceId), aws.ToBool(of.IAMDatabaseAuthenticationEnabled)
		}
	}
	c.add(ctx, client, primary, true)
	return c, nil
}

// add takes an instance in, and the replicas that read from it. RDS lets no replica be its own source, so this ends.
func (c *Cluster) add(ctx context.Context, client *rds.Client, i types.DBInstance, writer bool) {
	instance := instanceOf(i)
	instance.Writer = writer
	c.Instances = append(c.Instances, instance)
	for _, replica := range i.ReadReplicaDBClusterIdentifiers {
		c.Unreachable = append(c.Unreachable, fmt.Sprintf("Cluster %s replicates from %s: what happens there cannot be seen from here.", replica, instance.Name))
	}
	for _, name := range i.ReadReplicaDBInstanceIdentifiers {
		if strings.HasPrefix(name, "arn:") {
			c.Unreachable = append(c.Unreachable, fmt.Sprintf("The read replica %s is in another Region: what happens there cannot be seen from here.", name))
			continue
		}
		replica, err := instanceNamed(ctx, client, name)
		if err != nil {
			c.Unreachable = append(c.Unreachable, fmt.Sprintf("The read replica %s cannot be looked at: %v.", name, err))
			continue
		}
		c.add(ctx, client, replica, false)
	}
}

func instanceOf(i types.DBInstance) Instance {
	instance := Instance{
		Name: aws.ToString(i.DBInstanceIdentifier), Created: aws.ToTime(i.InstanceCreateTime),
		Group:      InstanceGroup(aws.ToString(i.DBInstanceIdentifier)),
		ResourceID: aws.ToString(i.DbiResourceId),
		Exported:   slices.Contains(i.EnabledCloudwatchLogsExports, postgresqlLog),
	}
	if i.Endpoint != nil {
		instance.Host, instance.Port = aws.ToString(i.Endpoint.Address), uint16(aws.ToInt32(i.Endpoint.Port))
	}
	return instance
}
