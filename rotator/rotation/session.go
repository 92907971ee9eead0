package rotation

import (
	"context"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/secret"
)

// open logs in to the server that a secret's value names.
func (r *Rotation) open(ctx context.Context, at secret.Value, user, password string) (*postgres.Session, error) {
	server := postgres.Server{Host: at.Host, Port: at.Port, Database: at.Database, Plaintext: at.Plaintext}
	return r.opener.Open(ctx, server, postgres.Login{User: user, Password: password})
}

// question is asked of the user to be set.
func (c change) question() role.Pair {
	return rolePair(c.pair, c.pair.Partner, c.pair.User, c.current)
}

// rolePair is the question that the catalogs are asked about user and partner.
func rolePair(pair secret.Pair, user, partner string, v secret.Value) role.Pair {
	return role.Pair{User: user, Partner: partner, Shared: v.Role, Base: pair.Base}
}
