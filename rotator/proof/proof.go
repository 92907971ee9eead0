// Package proof logs in with the versions of a secret. Whoever wrote one that logs in as one of a pair holds a credential of that pair
// already, with which it sets the other: what is done with the master's power on the secret's word then gives away nothing more.
package proof

import (
	"context"
	"fmt"
	"strings"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/secret"
)

// Proof is what the versions of a secret have shown.
type Proof struct {
	Label string     // of the version that has shown it
	User  string     // of the pair, whose password a version holds; "" = none does
	State role.State // of the other of the pair, as User's session saw it; zero of a user that is NOLOGIN
	Why   string     // why none does, for each version that was tried
}

// LoggedIn reports that User has logged in, and not only shown its password.
func (p Proof) LoggedIn() bool { return p.State.CurrentUser != "" }

// Versions are those of one secret, and where they are tried.
type Versions struct {
	Store    *secret.Store
	SecretID string
	Current  secret.Value // what AWSCURRENT holds
	Pair     secret.Pair
	Server   postgres.Server
}

// Prove logs in with the versions under the labels, in their order, until one shows a password of the pair's. A version for another
// server or another user is not tried: nobody who may write the secret has a password sent elsewhere. NOLOGIN is no refusal, since
// PostgreSQL says so only where the password is right.
func (v Versions) Prove(ctx context.Context, opener postgres.Opener, labels ...string) Proof {
	var refused []string
	for _, label := range labels {
		p, err := v.try(ctx, opener, label)
		if err == nil {
			return p
		}
		refused = append(refused, fmt.Sprintf("%s: %v", label, err))
	}
	return Proof{Why: strings.Join(refused, "; ")}
}

func (v Versions) try(ctx context.Context, opener postgres.Opener, label string) (Proof, error) {
	text, err := v.Store.Stage(ctx, v.SecretID, label)
	if err != nil {
		return Proof{}, err
	}
	value, err := secret.Parse(text)
	if err != nil {
		return Proof{}, err
	}
	if keys := v.Current.DifferingKeys(value); len(keys) > 0 {
		return Proof{}, fmt.Errorf("it differs from AWSCURRENT in %s", strings.Join(keys, ", "))
	}
	if value.Username != v.Pair.User && value.Username != v.Pair.Partner {
		return Proof{}, fmt.Errorf("it names the user %q, who is not of the pair", value.Username)
	}
	session, err := opener.Open(ctx, v.Server, postgres.Login{User: value.Username, Password: value.Password})
	if postgres.NotPermitted(err) {
		return Proof{Label: label, User: value.Username}, nil
	}
	if err != nil {
		return Proof{}, err
	}
	defer session.Close(ctx)
	state, err := role.ReadState(ctx, session, v.Other(value.Username))
	return Proof{Label: label, User: value.Username, State: state}, err
}

// Other is the question about the other of the pair than user.
func (v Versions) Other(user string) role.Pair {
	other := v.Pair.Partner
	if user == other {
		other = v.Pair.User
	}
	return role.Pair{User: other, Partner: user, Shared: v.Current.Role, Base: v.Pair.Base}
}
