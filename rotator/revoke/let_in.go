package revoke

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/verifier"
)

// prepareOrLock locks the pair all the same where there is no new credential to be had: the thief is out before the cause is mended.
func (r *run) prepareOrLock(ctx context.Context) error {
	err := r.prepare(ctx)
	if err == nil {
		return nil
	}
	r.verifiers, r.next = nil, ""
	failed := r.lock(ctx)
	if failed == nil {
		failed = r.endSessions(ctx)
	}
	if failed != nil {
		return fmt.Errorf("%w; nor is the pair locked and without sessions: %w", err, failed)
	}
	return fmt.Errorf("%w; %q are locked (NOLOGIN) meanwhile, and their sessions ended", err, r.users())
}

// prepare writes the new credential as AWSPENDING, in the place of any other, and makes the verifiers of both users: the new AWSCURRENT's
// is of it, the other's of a password that nobody knows.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.password, err = r.store.RandomPassword(ctx, r.options.Password); err != nil {
		return err
	}
	text, err := r.value.WithCredential(r.pair.Partner, r.password)
	if err != nil {
		return err
	}
	r.passwords = map[string]string{r.pair.User: rand.Text()}
	r.passwords[r.pair.Partner] = r.password // a single user's too
	r.verifiers = map[string]string{}
	for user, password := range r.passwords {
		if r.verifiers[user], err = verifier.New(r.kind, user, password); err != nil {
			return fmt.Errorf("making the verifier of %q: %w", user, err)
		}
	}
	id := make([]byte, 16)
	rand.Read(id) // never fails
	r.token = hex.EncodeToString(id)
	if r.shownBy == secret.Pending {
		if err := r.store.KeepPending(ctx, r.secretID); err != nil {
			return err
		}
	}
	if err := r.store.PutPending(ctx, r.secretID, r.token, "", text); err != nil {
		return err
	}
	if !r.pair.Single() {
		r.next = r.pair.Partner
	}
	r.tell("stored a new credential of %q as AWSPENDING version %s", r.pair.Partner, r.token)
	return nil
}

// writeMirrors gives the secrets that an RDS Proxy reads the passwords that are set.
func (r *run) writeMirrors(ctx context.Context) error {
	for _, mirror := range r.mirrors {
		if err := r.store.WriteMirror(ctx, mirror, "", r.passwords[mirror.User]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) validUntil() string {
	if r.options.ValidDays == 0 {
		return role.Forever
	}
	return time.Now().UTC().AddDate(0, 0, r.options.ValidDays).Format(time.RFC3339)
}

// letIn lets the new AWSCURRENT log in, proves it, moves AWSCURRENT, and only then lets the pair set itself again.
func (r *run) letIn(ctx context.Context) error {
	if !slices.Contains(r.present, r.pair.Partner) {
		return fmt.Errorf("user %q does not exist: %q are locked (NOLOGIN), and nobody can be let in; as the master, give it its name back where it was renamed, or %s %s",
			r.pair.Partner, r.present, script.CreateShared(r.pair.Partner), script.Join(r.state.Version, r.shared, r.pair.Partner))
	}
	if err := role.LetIn(ctx, r.session, r.pair.Partner, r.validUntil()); err != nil { // a single user is its own partner
		return err
	}
	if err := r.tryPending(ctx); err != nil {
		return err
	}
	d, err := r.store.Describe(ctx, r.secretID)
	if err != nil {
		return err
	}
	if err := r.store.MoveCurrent(ctx, r.secretID, d.VersionOf(secret.Current), r.token); err != nil {
		if now, failed := r.store.Describe(ctx, r.secretID); failed != nil || !now.Has(r.token, secret.Current) {
			return err
		}
	}
	r.tell("AWSCURRENT is %q with the new password", r.pair.Partner)
	if !r.pair.Single() {
		r.tell("%q stays NOLOGIN until the next rotation", r.pair.User)
	}
	if err := role.GiveBack(ctx, r.session, r.state, r.shared, r.owner); err != nil {
		return err
	}
	return role.Leave(ctx, r.session, r.state, r.joined()...)
}

// tryPending logs in with the new credential.
func (r *run) tryPending(ctx context.Context) error {
	server := postgres.Server{Host: r.value.Host, Port: r.value.Port, Database: r.value.Database, Plaintext: r.value.Plaintext}
	return postgres.Attempt(ctx, func(ctx context.Context) error {
		session, err := r.opener.Open(ctx, server, postgres.Login{User: r.pair.Partner, Password: r.password})
		if err == nil {
			session.Close(ctx)
		}
		return err
	})
}
