package rotation

import (
	"context"
	"fmt"

	"pgrotator/rotator/secret"
)

// finishSecret moves AWSCURRENT to the token. A move that fails is success where AWSCURRENT turns out to be there: another
// process was first, or the reply to this one's was lost and its repetition refused.
func (r *Rotation) finishSecret(ctx context.Context, step Step, d secret.Description) (Outcome, error) {
	from := d.VersionOf(secret.Current)
	if from == "" {
		return Outcome{}, fmt.Errorf("secret %s has no version staged AWSCURRENT, which Secrets Manager always has: stage the one that logs in", step.SecretID)
	}
	err := r.store.MoveCurrent(ctx, step.SecretID, from, step.Token)
	if err == nil {
		return Outcome{}, nil
	}
	if now, failed := r.store.Describe(ctx, step.SecretID); failed == nil && now.Has(step.Token, secret.Current) {
		return Outcome{}, nil
	}
	return Outcome{}, err
}
