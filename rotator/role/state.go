// Package role is the pair that a rotation sets: what the catalogs tell of it, which ways there are to set its users, whom the
// master may set, and what setup writes down.
package role

import (
	"context"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/verifier"
	"pgrotator/sql"
)

// Pair is whom a rotation sets and beside whom.
type Pair struct {
	User    string // the user to be set or tested
	Partner string
	Shared  string // the shared role that the secret names, or ""
	Base    string // X of X_a and X_b: the shared role where a role X exists; or ""
}

// Single reports a user that rotates alone. It has no shared role: whatever it becomes at login is its own affair.
func (p Pair) Single() bool { return p.User == p.Partner }

// State is what one look at the catalogs tells of a pair, as the session's role sees it.
type State struct {
	User    string // who was asked about
	Partner string
	Host    string // of the server that was asked
	Proven  string // who of the two has logged in: the session's user, or whom a master's session is told of; "" = neither
	base    string // as the question had it

	Version     int    // server_version_num
	Standby     bool   // a reader: nothing can be set here
	CurrentUser string // whom the session became at login
	Verifier    verifier.Kind
	Restricted  bool // rds.restrict_password_commands

	Shared       string // the pair's shared role, or "" where it has none
	SharedExists bool
	ambiguous    bool // the secret names no shared role, and the two become different ones at login

	LoginRole        string // the user's SET role setting, or ""
	PartnerLoginRole string // and the partner's

	Exists          bool // the user exists
	CanLogin        bool
	Expired         bool      // VALID UNTIL has passed
	ValidUntil      time.Time // zero = for ever
	PartnerUntil    time.Time // the partner's VALID UNTIL; zero = for ever
	Powerful        string    // who of user, partner and shared role is a superuser or a member of rds_superuser; "" = nobody
	Member          bool      // may become the shared role
	PartnerMember   bool      // the partner may
	MayConnect      bool      // to this database, as far as privilege and CONNECTION LIMIT 0 go; true of a user that does not exist
	IAM             bool      // a member of rds_iam, directly or not: RDS refuses its password
	Sessions        int       // open sessions of the user
	FunctionSchema  string
	MayAlter        bool // the session's role may ALTER the user itself
	HasPasswordRole bool // the session's role is a member of rds_password
}

// ReadState looks at a pair.
func ReadState(ctx context.Context, s *postgres.Session, p Pair) (State, error) {
	t := State{User: p.User, Partner: p.Partner, Host: s.Host(), base: p.Base}
	var settings verifier.Settings
	var validUntil, partnerUntil *time.Time
	err := s.Row(ctx, sql.RotationState, nil, []any{p.User, p.Partner, p.Shared, p.Base},
		&t.Version, &t.Standby, &t.CurrentUser,
		&settings.Encryption, &settings.EncryptionSource, &settings.Iterations, &settings.IterationsSource, &t.Restricted,
		&t.Shared, &t.SharedExists, &t.LoginRole, &t.PartnerLoginRole,
		&t.Exists, &t.CanLogin, &t.Expired, &validUntil, &partnerUntil, &t.Powerful, &t.Member, &t.MayConnect, &t.IAM,
		&t.FunctionSchema, &t.MayAlter, &t.HasPasswordRole, &t.Sessions, &t.PartnerMember)
	if p.Single() {
		t.Shared, t.SharedExists = "", false
	}
	t.Verifier = settings.Kind(s.MD5())
	if login := s.User(); login == p.User || login == p.Partner {
		t.Proven = login
	}
	t.ambiguous = p.Shared == "" && becomes(t.LoginRole) && becomes(t.PartnerLoginRole) && t.LoginRole != t.PartnerLoginRole
	t.ValidUntil, t.PartnerUntil = timeOf(validUntil), timeOf(partnerUntil)
	return t, err
}

// becomes reports a SET role setting that makes its user another role.
func becomes(setting string) bool { return setting != "" && setting != "none" }

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
