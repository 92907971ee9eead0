package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/awserror"
	"pgrotator/rotator/secret"
)

// Deployment is a blue/green deployment that is under way. Its logical replication carries no changes of roles: a password set
// in blue is missing after the switchover.
type Deployment struct {
	Name   string
	Status string
}

func (d Deployment) String() string {
	return fmt.Sprintf("the blue/green deployment %q of this database is under way (%s)", d.Name, d.Status)
}

// underWay are the statuses in which green is, or may still become, what clients reach (RDS API, BlueGreenDeployment).
var underWay = []string{"PROVISIONING", "AVAILABLE", "SWITCHOVER_IN_PROGRESS", "SWITCHOVER_FAILED"}

// Identifiable reports whether the secret tells which database of RDS it is for.
func Identifiable(v secret.Value) bool {
	return len(identifiers(v)) > 0
}

// BlueGreen finds the deployment under way whose source is the secret's database, or nil.
func BlueGreen(ctx context.Context, client *rds.Client, v secret.Value) (*Deployment, error) {
	pages := rds.NewDescribeBlueGreenDeploymentsPaginator(client, &rds.DescribeBlueGreenDeploymentsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("looking for a blue/green deployment of %q: %w", v.Host, awserror.RDS.Explain(err))
		}
		for _, d := range page.BlueGreenDeployments {
			if status := aws.ToString(d.Status); slices.Contains(underWay, status) && isSource(d, identifiers(v)) {
				return &Deployment{Name: aws.ToString(d.BlueGreenDeploymentName), Status: status}, nil
			}
		}
	}
	return nil, nil
}

// isSource looks at the source and its members: a secret may name the writer's own endpoint.
func isSource(d types.BlueGreenDeployment, ids []string) bool {
	sources := []string{aws.ToString(d.Source)}
	for _, member := range d.SwitchoverDetails {
		sources = append(sources, aws.ToString(member.SourceMember))
	}
	return slices.ContainsFunc(sources, func(arn string) bool {
		return slices.Contains(ids, arn[strings.LastIndex(arn, ":")+1:])
	})
}

// identifiers are those of the database: the secret's keys', and the first label of an RDS endpoint.
func identifiers(v secret.Value) []string {
	var ids []string
	for _, id := range []string{v.ClusterIdentifier, v.InstanceIdentifier, firstLabel(v.Host)} {
		if id != "" {
			ids = append(ids, strings.ToLower(id[strings.LastIndex(id, ":")+1:]))
		}
	}
	return ids
}

// firstLabel is the identifier in NAME.….REGION.rds.amazonaws.com (.com.cn in China), "" for other hosts.
func firstLabel(host string) string {
	if !IsEndpoint(host) {
		return ""
	}
	label, _, _ := strings.Cut(host, ".")
	return label
}

// IsEndpoint reports a host name of RDS's own.
func IsEndpoint(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return strings.HasSuffix(host, ".rds.amazonaws.com") || strings.HasSuffix(host, ".rds.amazonaws.com.cn")
}
