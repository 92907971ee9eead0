package rotation

import (
	"context"
	"fmt"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/secret"
)

// proveSingle logs in as the single user. AWSCURRENT logs in until setSecret has done its work, and AWSPENDING from then on. Where
// neither does, AWSPREVIOUS may, as after a restore of the database; it is tried only where it is for this user and server.
func (r *Rotation) proveSingle(ctx context.Context, c change) (session *postgres.Session, done bool, err error) {
	session, err = r.open(ctx, c.current, c.current.Username, c.current.Password)
	if !postgres.Refused(err) {
		return session, false, proving(secret.Current, err)
	}
	refused := err
	session, err = r.open(ctx, c.current, c.current.Username, c.pending.Password)
	if !postgres.Refused(err) {
		return session, true, proving(secret.Pending, err)
	}
	session, err = r.openPrevious(ctx, c)
	if err != nil {
		return nil, false, fmt.Errorf("the single user logs in with none of AWSCURRENT, AWSPENDING and AWSPREVIOUS (%w); AWSCURRENT: %w; as a DBA give it the secret's password (\\password)",
			err, refused)
	}
	return session, false, nil
}

func proving(stage string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("proving %s: %w", stage, err)
}

// openPrevious logs in as the user to be set with AWSPREVIOUS' password, but only where AWSPREVIOUS is for the same server as
// AWSCURRENT: else whoever may write the secret could have a password that he cannot read sent to a host of his own.
func (r *Rotation) openPrevious(ctx context.Context, c change) (*postgres.Session, error) {
	if c.previous == "" {
		return nil, errNotItsOwn
	}
	text, err := r.store.Stage(ctx, c.step.SecretID, secret.Previous)
	if err != nil {
		return nil, err
	}
	previous, err := parse(text, secret.Previous, c.step.SecretID)
	if err != nil || previous.Username != c.pair.Partner || len(c.current.DifferingKeys(previous)) > 0 {
		return nil, errNotItsOwn
	}
	return r.open(ctx, c.current, c.pair.Partner, previous.Password)
}
