package setup

import (
	"context"
	"fmt"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/proof"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
)

// admitSecret refuses a repair that would give the credential of a recorded pair to whoever names the pair in a secret of his own. The
// pair is of the secret that an earlier setup recorded; where none did, as version 1.0, of one that holds a password of the pair.
func (s *Setup) admitSecret(ctx context.Context, p plan, server postgres.Server) error {
	if !p.recorded || p.current.loggedIn || p.found.Secret == p.arn {
		return nil
	}
	if p.found.Secret != "" {
		return fmt.Errorf("AWSCURRENT does not log in, and the pair %q and %q is that of secret %s: no other secret gets its password repaired; look who may write the two, and if %s has taken that one's place, or the database is a copy, as the master in database %q: %s and repair again",
			p.pair.User, p.pair.Partner, p.found.Secret, p.arn, p.value.Database, p.recordThis())
	}
	versions := proof.Versions{Store: s.store, SecretID: p.arn, Current: p.value, Pair: p.pair, Server: server}
	proven := versions.Prove(ctx, s.opener, secret.Current, secret.Previous)
	if proven.User != "" {
		return nil
	}
	if !p.found.SchemaExists {
		return fmt.Errorf("AWSCURRENT does not log in (%s), and setup has made nothing of the pair %q and %q in database %q: put the database where it did into the secret's key \"dbname\", or give %q the secret's password by psql's \\password and run setup",
			proven.Why, p.pair.User, p.pair.Partner, p.value.Database, p.pair.User)
	}
	return fmt.Errorf("AWSCURRENT does not log in, and neither setup's record nor a login shows that the pair %q and %q is that of secret %s (%s): whoever wrote the secret may have named somebody else's; if it is this one's, as the master in database %q: %s and repair again",
		p.pair.User, p.pair.Partner, p.arn, proven.Why, p.value.Database, p.recordThis())
}

// recordThis is what makes the pair this secret's.
func (p plan) recordThis() script.Statement {
	record, _ := p.found.RecordOf(p.shared)
	return script.RecordSecret(p.state.Version, record.Owner(), p.arn)
}

// secretToRecord is this secret where none is recorded. One that is recorded stays: whoever knows the pair's password for a while could
// make the pair his own for ever.
func (p plan) secretToRecord() string {
	if p.found.Secret != "" {
		return ""
	}
	return p.arn
}

// leftToAnother says that the pair is recorded for another secret.
func (p plan) leftToAnother() []string {
	if p.found.Secret == "" || p.found.Secret == p.arn {
		return nil
	}
	return []string{fmt.Sprintf("the pair is recorded for secret %s, the only one that repair and revoke act for: if this one has taken its place, as the master in database %q: %s", p.found.Secret, p.value.Database, p.recordThis())}
}
