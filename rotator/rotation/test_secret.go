package rotation

import (
	"context"
	"fmt"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
)

// testSecret logs in with AWSPENDING and looks whom it became. It does not ask who AWSCURRENT is: RotateImmediately=false runs
// this step alone, on a copy of the current value.
func (r *Rotation) testSecret(ctx context.Context, step Step, _ secret.Description) (Outcome, error) {
	pending, err := r.pending(ctx, step)
	if err != nil {
		return Outcome{}, err
	}
	pair, err := pending.Pair()
	if err != nil {
		return Outcome{}, err
	}
	err = postgres.Attempt(ctx, func(ctx context.Context) error {
		mended, err := r.tryPending(ctx, pending, pair)
		if !mended || err != nil {
			return err
		}
		if mended, err = r.tryPending(ctx, pending, pair); mended {
			return fmt.Errorf("user %q still does not become its shared role when it logs in: another setting of its own for this database wins (%s)",
				pair.User, script.ForgetRoleIn(pending.Database, pair.User))
		}
		return err
	})
	if err == nil {
		err = r.throughProxy(ctx, pending)
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("testing AWSPENDING of secret %s: %w", step.SecretID, err)
	}
	return Outcome{}, nil
}

// tryPending logs in once. Where only the SET role setting is missing, the user itself makes it, since PostgreSQL lets no
// function do that for it, and must then log in again.
func (r *Rotation) tryPending(ctx context.Context, pending secret.Value, pair secret.Pair) (mended bool, err error) {
	session, err := r.open(ctx, pending, pending.Username, pending.Password)
	if err != nil {
		return false, err
	}
	defer session.Close(ctx)
	state, err := role.ReadState(ctx, session, rolePair(pair, pair.User, pair.Partner, pending))
	if err != nil {
		return false, err
	}
	state.Proven = pair.Partner // setSecret has logged in as AWSCURRENT
	if err := state.AdmitPair(); err != nil {
		return false, err
	}
	if pair.Single() {
		return false, nil // whom it becomes is its own affair
	}
	expected := pair.User
	if state.Shared != "" {
		expected = state.Shared
	}
	if state.CurrentUser == expected {
		return false, nil
	}
	if state.LoginRole == state.Shared {
		return false, fmt.Errorf("user %q logs in and is %q instead of the shared role %q, though its SET role setting names it",
			pair.User, state.CurrentUser, expected)
	}
	return true, role.SetOwnRoleAtLogin(ctx, session, state.Shared)
}
