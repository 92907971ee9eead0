package cluster

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/awserror"
)

// Address is host:port in the one way of writing it that can be compared.
func Address(host string, port uint16) string {
	return net.JoinHostPort(strings.TrimSuffix(strings.ToLower(host), "."), strconv.Itoa(int(port)))
}

// ClusterAddresses lists a cluster's own, its custom and its instances' addresses, the writer's first: a secret may name the
// writer's own instance. id is a name or an ARN.
func ClusterAddresses(ctx context.Context, client *rds.Client, id string) ([]string, error) {
	found, err := clusterNamed(ctx, client, id)
	if err != nil {
		return nil, err
	}
	return clusterAddresses(ctx, client, found)
}

func clusterAddresses(ctx context.Context, client *rds.Client, found types.DBCluster) ([]string, error) {
	port := uint16(aws.ToInt32(found.Port))
	list := []string{Address(aws.ToString(found.Endpoint), port)}
	for _, custom := range found.CustomEndpoints {
		list = append(list, Address(custom, port))
	}
	members, err := instancesOf(ctx, client, aws.ToString(found.DBClusterIdentifier))
	return append(list, addresses(members...)...), err
}

// InstanceAddresses lists an instance's address; none while it is being made. id is a name or an ARN.
func InstanceAddresses(ctx context.Context, client *rds.Client, id string) ([]string, error) {
	found, err := instanceNamed(ctx, client, id)
	if err != nil {
		return nil, err
	}
	return addresses(found), nil
}

func addresses(instances ...types.DBInstance) []string {
	var found []string
	for _, instance := range instances {
		if instance.Endpoint != nil {
			found = append(found, Address(aws.ToString(instance.Endpoint.Address), uint16(aws.ToInt32(instance.Endpoint.Port))))
		}
	}
	return found
}

// MasterUser is the MasterUsername of the cluster or instance that listens at an address, "" where RDS knows none there. ids are the
// identifiers it may have. A refusal counts only where nothing else answers: a function's role may ask for clusters or for instances.
func MasterUser(ctx context.Context, client *rds.Client, ids Identifiers, address string) (string, error) {
	var refused error
	for _, kind := range []struct {
		ids []string
		ask func(context.Context, *rds.Client, string) (string, []string, error)
	}{{ids.Clusters, clusterMaster}, {ids.Instances, instanceMaster}} {
		for _, id := range kind.ids {
			user, addresses, err := kind.ask(ctx, client, id)
			switch {
			case err == nil && slices.Contains(addresses, address):
				return user, nil
			case awserror.Denied(err):
				refused = err
			case err != nil && !unknown(err):
				return "", err
			}
		}
	}
	return "", refused
}

// unknown reports RDS's answer about an identifier that no cluster, or no instance, has.
func unknown(err error) bool {
	var cluster *types.DBClusterNotFoundFault
	var instance *types.DBInstanceNotFoundFault
	return errors.As(err, &cluster) || errors.As(err, &instance)
}

func clusterMaster(ctx context.Context, client *rds.Client, id string) (user string, addresses []string, err error) {
	found, err := clusterNamed(ctx, client, id)
	if err != nil {
		return "", nil, err
	}
	addresses, err = clusterAddresses(ctx, client, found)
	return aws.ToString(found.MasterUsername), addresses, err
}

func instanceMaster(ctx context.Context, client *rds.Client, id string) (user string, listening []string, err error) {
	found, err := instanceNamed(ctx, client, id)
	return aws.ToString(found.MasterUsername), addresses(found), err
}
