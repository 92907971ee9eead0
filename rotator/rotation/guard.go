package rotation

import (
	"context"
	"fmt"
	"strings"

	"pgrotator/rotator/role"
	"pgrotator/rotator/secret"
)

// admitVersions refuses a pending value that would lead to another server or another user than the pair's other one: whoever
// can write a version must not be able to send the current credential, or the master's, elsewhere.
func admitVersions(current, pending secret.Value, pair secret.Pair, step Step) error {
	if keys := current.DifferingKeys(pending); len(keys) > 0 {
		return fmt.Errorf("AWSCURRENT and AWSPENDING of secret %s differ in %s: the secret was changed during a rotation; %s",
			step.SecretID, strings.Join(keys, ", "), clearPending(step))
	}
	if pending.Username != pair.Partner {
		return fmt.Errorf("AWSPENDING of secret %s names the user %q, and the other user of AWSCURRENT's pair is %q; %s",
			step.SecretID, pending.Username, pair.Partner, clearPending(step))
	}
	return nil
}

func clearPending(step Step) string {
	return fmt.Sprintf("clear the left-over with aws secretsmanager update-secret-version-stage --secret-id %s --version-stage AWSPENDING --remove-from-version-id %s, then rotate again",
		step.SecretID, step.Token)
}

func (r *Rotation) open(ctx context.Context, at secret.Value, user, password string) (*role.Session, error) {
	server := role.Server{Host: at.Host, Port: at.Port, Database: at.Database, Plaintext: at.Plaintext}
	return r.opener.Open(ctx, server, role.Login{User: user, Password: password})
}

// question is asked of the user to be set.
func (c change) question() role.Pair {
	return rolePair(c.pair, c.pair.Partner, c.pair.User, c.current)
}

// rolePair is the question that the catalogs are asked about user and partner.
func rolePair(pair secret.Pair, user, partner string, v secret.Value) role.Pair {
	return role.Pair{User: user, Partner: partner, Shared: v.Role, Base: pair.Base}
}
