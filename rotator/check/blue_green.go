package check

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/awserror"
)

// blueGreen looks for a blue/green deployment of this database: its logical replication carries no role changes, so a password
// set in blue would be missing in green after the switchover.
func (c *Check) blueGreen(ctx context.Context, l *list, s subject) {
	id := databaseID(s)
	if id == "" {
		l.pass("blue/green", "the host is no RDS endpoint and the secret names no identifier: not looked for")
		return
	}
	pages := rds.NewDescribeBlueGreenDeploymentsPaginator(c.rds, &rds.DescribeBlueGreenDeploymentsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			l.advise("blue/green", "RDS could not be asked: "+awserror.RDS.Explain(err).Error(), "Let the function's role call rds:DescribeBlueGreenDeployments.")
			return
		}
		for _, deployment := range page.BlueGreenDeployments {
			if underWay(deployment, id) {
				l.fail("blue/green", "deployment "+aws.ToString(deployment.BlueGreenDeploymentName)+" is under way: role changes are not replicated from blue to green",
					"Do not rotate before it has been switched over or deleted, or rotate once more after the switchover.")
				return
			}
		}
	}
	l.pass("blue/green", "no blue/green deployment is under way")
}

// databaseID is the cluster's or instance's identifier: the secret's, else the first label of an RDS endpoint.
func databaseID(s subject) string {
	switch {
	case s.value.ClusterIdentifier != "":
		return s.value.ClusterIdentifier
	case s.value.InstanceIdentifier != "":
		return s.value.InstanceIdentifier
	case strings.Contains(s.value.Host, ".rds.") && strings.Contains(s.value.Host, ".amazonaws.com"): // .com.cn too
		id, _, _ := strings.Cut(s.value.Host, ".")
		return id
	}
	return ""
}

func underWay(d types.BlueGreenDeployment, id string) bool {
	switch aws.ToString(d.Status) {
	case "SWITCHOVER_COMPLETED", "DELETING", "DELETED", "INVALID_CONFIGURATION", "PROVISIONING_FAILED":
		return false
	}
	return strings.HasSuffix(aws.ToString(d.Source), ":"+id) || strings.HasSuffix(aws.ToString(d.Target), ":"+id)
}
