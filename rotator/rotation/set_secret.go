package rotation

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/verifier"
)

// change is one pass of setSecret: who is to get which password, and what is known of it.
type change struct {
	step     Step
	current  secret.Value
	pending  secret.Value
	pair     secret.Pair // User is AWSCURRENT's, Partner the one to be set
	previous string      // the version staged AWSPREVIOUS, or ""
	interval time.Duration
	look     *look
	mirror   *secret.Mirror // the pending user's, as it was; nil where there is none
	state    role.State
	session  *postgres.Session // logged in as AWSCURRENT
}

// setSecret proves AWSCURRENT by logging in with it and, from that session, sets the other user's password.
func (r *Rotation) setSecret(ctx context.Context, step Step, d secret.Description) (Outcome, error) {
	if err := d.AdmitValidity(r.options.ValidDays); err != nil {
		return Outcome{}, err
	}
	current, pending, err := r.currentAndPending(ctx, step)
	if err != nil {
		return Outcome{}, err
	}
	pair, err := current.Pair()
	if err != nil {
		return Outcome{}, err
	}
	if err := admitVersions(current, pending, pair, step); err != nil {
		return Outcome{}, err
	}
	c := change{step: step, current: current, pending: pending, pair: pair, previous: d.VersionOf(secret.Previous),
		interval: d.Interval, look: r.lookForDeployment(ctx, current)}
	if c.mirror, err = r.readMirror(ctx, c, d.ARN); err != nil {
		return Outcome{}, fmt.Errorf("setting the user of AWSPENDING, secret %s: %w", step.SecretID, err)
	}
	var outcome Outcome
	err = postgres.Attempt(ctx, func(ctx context.Context) (err error) {
		outcome, err = r.change(ctx, c)
		return err
	})
	if err != nil {
		return Outcome{Held: outcome.Held}, fmt.Errorf("setting the user of AWSPENDING, secret %s: %w", step.SecretID, err)
	}
	if err := r.writeMirror(ctx, c); err != nil {
		return Outcome{}, fmt.Errorf("the user of AWSPENDING, secret %s, is set in the database: %w", step.SecretID, err)
	}
	return outcome, nil
}

func (r *Rotation) currentAndPending(ctx context.Context, step Step) (current, pending secret.Value, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { current, err = r.current(ctx, step.SecretID); return err })
	group.Go(func() (err error) { pending, err = r.pending(ctx, step); return err })
	err = group.Wait()
	return current, pending, err
}

func (r *Rotation) change(ctx context.Context, c change) (Outcome, error) {
	session, done, err := r.prove(ctx, c)
	if err != nil {
		return Outcome{}, err
	}
	defer session.Close(ctx)
	state, err := role.ReadState(ctx, session, c.question())
	if err != nil {
		return Outcome{}, err
	}
	if err := state.AdmitPair(); err != nil {
		return Outcome{}, err
	}
	if done {
		return Outcome{Way: role.ByItself}, nil
	}
	c.session, c.state = session, state
	if held, err := r.heldOff(ctx, c); err != nil {
		return Outcome{Held: held}, err
	}
	way, err := r.set(ctx, c)
	if err != nil {
		return Outcome{}, err
	}
	if c.pair.Single() {
		return Outcome{Way: way}, nil // its sessions are the application's, which goes on
	}
	r.warn(ctx, c)
	return Outcome{Way: way, SessionsInUse: state.Sessions}, nil
}

// prove logs in as AWSCURRENT. done reports a single user that has its new password already.
func (r *Rotation) prove(ctx context.Context, c change) (session *postgres.Session, done bool, err error) {
	if c.pair.Single() {
		return r.proveSingle(ctx, c)
	}
	session, err = r.open(ctx, c.current, c.current.Username, c.current.Password)
	if err != nil {
		return nil, false, fmt.Errorf("proving AWSCURRENT: %w", err)
	}
	return session, false, nil
}

// warn tells of what works today and will not for long.
func (r *Rotation) warn(ctx context.Context, c change) {
	attributes := []any{slog.String("secretId", c.step.SecretID), slog.String("user", c.pair.Partner)}
	if c.state.Sessions > 0 {
		r.log.WarnContext(ctx, "sessions are open on the password just replaced: some client fetches the secret more slowly than it rotates",
			append(attributes, slog.Int("sessions", c.state.Sessions))...)
	}
}

// verifier hashes the pending password as the server's password_encryption would.
func (c change) verifier() (string, error) {
	made, err := verifier.New(c.state.Verifier, c.pair.Partner, c.pending.Password)
	if err != nil {
		return "", fmt.Errorf("making the verifier of %q: %w", c.pair.Partner, err)
	}
	return made, nil
}
