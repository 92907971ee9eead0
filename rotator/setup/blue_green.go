package setup

import (
	"context"
	"fmt"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/secret"
)

// admitDeployment returns an error while a blue/green deployment of the database is under way, as far as that can be seen: what setup
// makes would be missing after the switchover, and stops the deployment's replication.
func (s *Setup) admitDeployment(ctx context.Context, v secret.Value) error {
	deployment, err := cluster.BlueGreen(ctx, s.rds, v)
	if err != nil && !cluster.Unseen(err) {
		return err
	}
	if deployment != nil {
		return fmt.Errorf("%s, and what setup makes now would be missing after the switchover: nothing is changed; switch the deployment over or delete it, then run setup again", deployment)
	}
	return nil
}
