package revoke

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"pgrotator/rotator/proof"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
)

// admit refuses to lock anybody, and to hand a credential of anybody, on the word of whoever wrote the secret.
//
//	a pair that setup has recorded for this secret        admitted: neither user has to log in, a thief may have changed both
//	recorded for another secret                           refused
//	recorded without a secret, as version 1.0 did         admitted where a version of the secret shows a password of the pair
//	a pair without a record                               the same, and the other user is a twin, as where the master sets it
//	a single user                                         the same: it holds its own password
func (r *run) admit(ctx context.Context) error {
	if err := r.master.Admit(ctx, r.session, r.found, r.pair); err != nil {
		return err
	}
	if slices.Contains(r.users(), r.found.Login.User) {
		return fmt.Errorf("user %q is the master itself, of %s: it cannot let itself in again", r.found.Login.User, r.found.Source)
	}
	question := r.versions().Other(r.pair.User)
	state, err := role.ReadState(ctx, r.session, question)
	if err != nil {
		return err
	}
	r.shared, r.kind = cmp.Or(state.Shared, r.pair.User), state.Verifier
	if r.pair.Single() {
		err = r.admitSingle(ctx, state)
	} else {
		err = r.admitPair(ctx, state)
	}
	if err != nil {
		return err
	}
	r.state, err = role.ReadPairState(ctx, r.session, r.owner)
	return err
}

func (r *run) versions() proof.Versions {
	return proof.Versions{Store: r.store, SecretID: r.secretID, Current: r.value, Pair: r.pair, Server: r.found.Server}
}

func (r *run) prove(ctx context.Context) (proof.Proof, error) {
	proven := r.versions().Prove(ctx, r.opener, secret.Current, secret.Pending, secret.Previous)
	r.shownBy = proven.Label
	if proven.User == "" {
		return proven, fmt.Errorf("no version of it logs in (%s), and setup has recorded no secret for the users: whoever wrote this one may have named somebody else's", proven.Why)
	}
	return proven, nil
}

func (r *run) admitPair(ctx context.Context, state role.State) error {
	record, setup, err := r.record(ctx, state.Shared)
	if err != nil {
		return err
	}
	if record.Role == "" {
		return r.admitTwin(ctx, state)
	}
	r.owner, r.shared = record.Owner(), record.Role
	this := script.RecordSecret(state.Version, r.owner, r.arn)
	switch setup.Secret {
	case r.arn:
		return nil
	case "":
		_, err := r.prove(ctx)
		if err != nil && !setup.SchemaExists {
			return fmt.Errorf("the pair %q and %q of secret %s: %w; setup has made nothing of it in database %q: put the database where it did into the secret's key \"dbname\", and run revoke again",
				r.pair.User, r.pair.Partner, r.secretID, err, r.value.Database)
		}
		if err != nil {
			return fmt.Errorf("the pair %q and %q of secret %s: %w; if they are this one's, as the master in database %q: %s and run revoke again",
				r.pair.User, r.pair.Partner, r.secretID, err, r.value.Database, this)
		}
		return nil
	}
	return fmt.Errorf("the pair %q and %q is that of secret %s, and is revoked on no other secret's word: look who may write the two; if that one is the pair's, revoke it; if %s is, since it took that one's place or the database is a copy, as the master in database %q: %s and run revoke again",
		r.pair.User, r.pair.Partner, setup.Secret, r.arn, r.value.Database, this)
}

// record finds the record of the pair and what setup made with it: this secret's before any other's, since up to PostgreSQL 15 a thief may
// have forged another. It goes by the users and not by whom they become at login, which is theirs to change. A zero Record: there is none.
func (r *run) record(ctx context.Context, shared string) (found role.Record, made role.SetupState, err error) {
	all, err := role.ReadSetupState(ctx, r.session, r.pair.User, r.pair.Partner, shared)
	if err != nil {
		return role.Record{}, role.SetupState{}, err
	}
	for _, record := range all.Records {
		if !record.Holds(r.pair.User) || !record.Holds(r.pair.Partner) {
			continue
		}
		state, err := role.ReadSetupState(ctx, r.session, r.pair.User, r.pair.Partner, record.Role)
		if err != nil || state.Secret == r.arn {
			return record, state, err
		}
		if found.Role == "" || record.Role == shared {
			found, made = record, state
		}
	}
	return found, made, nil
}

// admitTwin admits a pair that setup has not recorded.
func (r *run) admitTwin(ctx context.Context, state role.State) error {
	if err := state.AdmitUser(); err != nil {
		return err
	}
	proven, err := r.prove(ctx)
	if err == nil {
		err = r.admitOther(ctx, proven)
	}
	if err != nil {
		return fmt.Errorf("the pair %q and %q of secret %s is none that setup has recorded, and %w: run setup first; or lock the two by hand, %s %s, and give each another password by psql's \\password",
			r.pair.User, r.pair.Partner, r.secretID, err, script.Lock(r.pair.User), script.Lock(r.pair.Partner))
	}
	return nil
}

// admitOther admits the other user than the one that has shown its password. Where the new credential is the latter's own, as after a
// run that ended between passwords and AWSCURRENT, the other is only locked: a mark on either says that they are a pair.
func (r *run) admitOther(ctx context.Context, proven proof.Proof) error {
	question := r.versions().Other(proven.User)
	err := r.admitTwinOf(ctx, question, proven)
	if err != nil && proven.User == r.pair.Partner {
		return r.admitTwinOf(ctx, r.versions().Other(question.User), proven)
	}
	return err
}

func (r *run) admitTwinOf(ctx context.Context, question role.Pair, proven proof.Proof) error {
	state, err := role.ReadState(ctx, r.session, question)
	if err != nil {
		return err
	}
	if !state.Exists {
		return fmt.Errorf("user %q does not exist: nobody can take the place of %q", question.User, question.Partner)
	}
	state.CurrentUser = proven.State.CurrentUser
	if !proven.LoggedIn() && state.Member && state.PartnerMember { // NOLOGIN, as revoke leaves it: this is what it would become
		state.CurrentUser = state.PartnerLoginRole
	}
	return role.AdmitTwin(ctx, r.session, state, question.User, question.Partner, r.pair.Named)
}

func (r *run) admitSingle(ctx context.Context, state role.State) error {
	err := state.AdmitUser()
	if err == nil {
		_, err = r.prove(ctx)
	}
	if err != nil {
		return fmt.Errorf("the single user %q of secret %s: %w: as the master, %s set the password that the secret holds by psql's \\password, and run revoke again, which lets the user in with another",
			r.pair.User, r.secretID, err, script.Lock(r.pair.User))
	}
	return nil
}

func (r *run) users() []string { return slices.Compact([]string{r.pair.User, r.pair.Partner}) }

// joined is whom the master becomes a member of: their sessions are its to end, and their functions to close.
func (r *run) joined() []string {
	if r.owner == "" {
		return r.present
	}
	return append(slices.Clone(r.present), r.owner)
}
