package rotation

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"pgrotator/rotator/secret"
)

// createSecret stores, as AWSPENDING, the other user of the pair with a new password. A value that an earlier try stored is
// kept: it may be the one that setSecret has set already.
func (r *Rotation) createSecret(ctx context.Context, step Step, d secret.Description) (Outcome, error) {
	if err := d.AdmitValidity(r.options.ValidDays); err != nil {
		return Outcome{}, err
	}
	m, err := r.gather(ctx, step)
	if m.stored || err != nil {
		return Outcome{}, err
	}
	pair, err := m.current.Pair()
	if err != nil {
		return Outcome{}, err
	}
	text, err := m.current.WithCredential(pair.Partner, m.password)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{}, r.store.PutPending(ctx, step.SecretID, step.Token, step.RotationToken, text)
}

// material is what a pending value is made of.
type material struct {
	current  secret.Value
	stored   bool // the token has a value already
	password string
}

// gather makes its three calls at once. The password is asked for even where a value turns out to be stored: that costs a
// repeated step a call, and saves every other one a round trip.
func (r *Rotation) gather(ctx context.Context, step Step) (material, error) {
	var m material
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { m.current, err = r.current(ctx, step.SecretID); return err })
	group.Go(func() (err error) { m.stored, err = r.stored(ctx, step); return err })
	group.Go(func() (err error) { m.password, err = r.store.RandomPassword(ctx, r.options.Password); return err })
	err := group.Wait()
	return m, err
}

func (r *Rotation) stored(ctx context.Context, step Step) (bool, error) {
	_, err := r.store.PendingVersion(ctx, step.SecretID, step.Token)
	if errors.Is(err, secret.ErrNoValue) {
		return false, nil
	}
	return err == nil, err
}

func (r *Rotation) current(ctx context.Context, id string) (secret.Value, error) {
	text, err := r.store.Stage(ctx, id, secret.Current)
	if err != nil {
		return secret.Value{}, err
	}
	return parse(text, secret.Current, id)
}

// pending reads what createSecret stored.
func (r *Rotation) pending(ctx context.Context, step Step) (secret.Value, error) {
	text, err := r.store.VisiblePendingVersion(ctx, step.SecretID, step.Token)
	if err != nil {
		return secret.Value{}, err
	}
	value, err := parse(text, secret.Pending, step.SecretID)
	if err != nil {
		return secret.Value{}, fmt.Errorf("%w; %s", err, clearPending(step))
	}
	return value, nil
}

func parse(text, stage, id string) (secret.Value, error) {
	value, err := secret.Parse(text)
	if err != nil {
		return secret.Value{}, fmt.Errorf("reading %s of secret %s: %w", stage, id, err)
	}
	return value, nil
}
