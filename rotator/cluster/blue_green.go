package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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

// lookTimeout is how long RDS may take to tell of deployments: whoever asks has a database to attend to.
const lookTimeout = 5 * time.Second

// BlueGreen finds the deployment under way whose source is the secret's database; nil, and no call, where nothing tells which
// database of RDS that is.
func BlueGreen(ctx context.Context, client *rds.Client, v secret.Value) (*Deployment, error) {
	ids := IdentifiersIn(v)
	if ids.None() {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	pages := rds.NewDescribeBlueGreenDeploymentsPaginator(client, &rds.DescribeBlueGreenDeploymentsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("looking for a blue/green deployment of %q: %w", v.Host, awserror.RDS.Explain(err))
		}
		for _, d := range page.BlueGreenDeployments {
			if status := aws.ToString(d.Status); slices.Contains(underWay, status) && isSource(d, ids) {
				return &Deployment{Name: aws.ToString(d.BlueGreenDeploymentName), Status: status}, nil
			}
		}
	}
	return nil, nil
}

// Unseen reports that whether there is a deployment cannot be seen from here, now or later: the permission is missing, or the way to
// RDS. Any other error is one that passes.
func Unseen(err error) bool {
	return awserror.Denied(err) || awserror.NoAnswer(err)
}

// isSource looks at the source and its members: a secret may name the writer's own endpoint.
func isSource(d types.BlueGreenDeployment, ids Identifiers) bool {
	sources := []string{aws.ToString(d.Source)}
	for _, member := range d.SwitchoverDetails {
		sources = append(sources, aws.ToString(member.SourceMember))
	}
	for _, arn := range sources {
		kind, id := resource(arn)
		if kind == "cluster" && slices.Contains(ids.Clusters, id) || kind == "db" && slices.Contains(ids.Instances, id) {
			return true
		}
	}
	return false
}

// resource takes an ARN apart: arn:partition:rds:region:account:cluster:name, or …:db:name.
func resource(arn string) (kind, id string) {
	parts := strings.Split(arn, ":")
	if len(parts) != 7 {
		return "", ""
	}
	return parts[5], strings.ToLower(parts[6])
}
