package rotation

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
)

// look is a look for a blue/green deployment that goes on beside the other work.
type look struct {
	done       chan struct{}
	deployment *cluster.Deployment
	err        error
}

func (r *Rotation) lookForDeployment(ctx context.Context, v secret.Value) *look {
	l := &look{done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.deployment, l.err = cluster.BlueGreen(ctx, r.rds, v)
	}()
	return l
}

// heldOff returns an error if a password must not be set while a deployment is under way: logical replication carries no changes
// of roles, so that it would be missing after the switchover. Secrets Manager tries again, and the next schedule comes. held tells
// that this is why.
//
//	no deployment                                              not held off
//	RDS cannot be asked: permission or way missing             not held off, and said
//	RDS answers with another error                             an error, which passes
//	AWSCURRENT expires before the next rotation would come     not held off, and said: it would log in nowhere
//	else                                                       held off
func (r *Rotation) heldOff(ctx context.Context, c change) (held bool, err error) {
	<-c.look.done
	attributes := []any{slog.String("secretId", c.step.SecretID)}
	switch {
	case cluster.Unseen(c.look.err):
		r.log.WarnContext(ctx, "a blue/green deployment cannot be looked for", append(attributes, slog.String("error", c.look.err.Error()))...)
		return false, nil
	case c.look.err != nil:
		return false, c.look.err
	case c.look.deployment == nil:
		return false, nil
	case c.interval > 0 && !c.state.PartnerUntil.IsZero() && time.Until(c.state.PartnerUntil) < c.interval:
		r.log.WarnContext(ctx, "rotating during a blue/green deployment, since the password of AWSCURRENT expires before the next rotation: run setup with repair after the switchover",
			append(attributes, slog.String("deployment", c.look.deployment.Name), slog.Time("validUntil", c.state.PartnerUntil))...)
		return false, nil
	}
	return true, fmt.Errorf("%s, and a password set now would be missing after the switchover: nothing is changed, and the next attempt or schedule comes; "+
		"switch the deployment over or delete it, then %s", c.look.deployment, script.Rotate(c.step.SecretID))
}
