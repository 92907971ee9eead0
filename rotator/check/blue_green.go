package check

import (
	"context"
	"fmt"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/script"
)

// blueGreen looks for a blue/green deployment of this database, during which setSecret and setup hold off.
func (c *Check) blueGreen(ctx context.Context, l *list, s subject) {
	if cluster.IdentifiersIn(s.value).None() {
		l.pass("blue/green", "the host is no RDS endpoint and the secret names no identifier: not looked for")
		return
	}
	deployment, err := cluster.BlueGreen(ctx, c.rds, s.value)
	switch {
	case err != nil:
		l.advise("blue/green", err.Error(), "Let the function's role call rds:DescribeBlueGreenDeployments: a rotation cannot hold off while it cannot see a deployment.")
	case deployment != nil:
		l.fail("blue/green", deployment.String()+": a password set now would be missing after the switchover, so rotations hold off",
			toPaste(fmt.Sprintf("Switch deployment %q over or delete it. After a switchover that a rotation came before, run setup with repair. Then:", deployment.Name), script.Rotate(s.id)))
	default:
		l.pass("blue/green", "no blue/green deployment is under way")
	}
}
