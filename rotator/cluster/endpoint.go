package cluster

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// Address is host:port in the one way of writing it that can be compared.
func Address(host string, port uint16) string {
	return net.JoinHostPort(strings.ToLower(host), strconv.Itoa(int(port)))
}

// ClusterAddresses lists a cluster's own, its custom and its instances' addresses, the writer's first: a secret may name the
// writer's own instance. id is a name or an ARN.
func ClusterAddresses(ctx context.Context, client *rds.Client, id string) ([]string, error) {
	found, err := clusterNamed(ctx, client, id)
	if err != nil {
		return nil, err
	}
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
