package role

import (
	"context"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// PairState is what a pair that is to be closed has, as the master's session sees it.
type PairState struct {
	Version    int  // server_version_num
	Process    int  // the session's own
	CreateRole bool // the shared role has CREATEROLE, which counts up to PostgreSQL 15
	Function   bool // setup's function is in this database
}

// adminCounts is the version from which ADMIN on a role, and not CREATEROLE, decides who may change it.
const adminCounts = 160000

// ReadPairState looks at the pair of a shared role, whose function stands in the schema of owner.
func ReadPairState(ctx context.Context, s *postgres.Session, shared, owner string) (PairState, error) {
	var p PairState
	err := s.Row(ctx, sql.RevokeState, nil, []any{shared, owner}, &p.Version, &p.Process, &p.CreateRole, &p.Function)
	p.CreateRole = p.CreateRole && p.Version < adminCounts
	return p, err
}

// Join makes the session's role a member of roles, whose sessions it may then end and whose functions it may grant and revoke.
func Join(ctx context.Context, s *postgres.Session, p PairState, roles ...string) error {
	statement := sql.RevokeJoin
	if p.Version < adminCounts {
		statement = sql.RevokeJoinBefore16
	}
	for _, name := range roles {
		if err := s.Exec(ctx, statement, postgres.Names{"role": name}); err != nil {
			return err
		}
	}
	return nil
}

// Leave takes back what Join gave. Up to PostgreSQL 15 it stays, as setup leaves it.
func Leave(ctx context.Context, s *postgres.Session, p PairState, roles ...string) error {
	if p.Version < adminCounts {
		return nil
	}
	for _, name := range roles {
		if err := s.Exec(ctx, sql.RevokeLeave, postgres.Names{"role": name}); err != nil {
			return err
		}
	}
	return nil
}

// Close takes LOGIN from users, and from the shared role what could give it back, all or nothing.
func Close(ctx context.Context, s *postgres.Session, p PairState, shared, owner string, users []string) error {
	return s.Transaction(ctx, func() error {
		if p.Function {
			if err := s.Exec(ctx, sql.RevokeTakeExecute, postgres.Names{"schema": owner, "shared": shared}); err != nil {
				return err
			}
		}
		if p.CreateRole {
			if err := s.Exec(ctx, sql.RevokeNoCreateRole, postgres.Names{"shared": shared}); err != nil {
				return err
			}
		}
		for _, user := range users {
			if err := s.Exec(ctx, sql.LockRole, postgres.Names{"role": user}); err != nil {
				return err
			}
		}
		return nil
	})
}

// SetLocked sets the verifiers of users, which stay NOLOGIN, all or nothing.
func SetLocked(ctx context.Context, s *postgres.Session, verifiers map[string]string, validUntil string) error {
	return s.Transaction(ctx, func() error {
		for user, verifier := range verifiers {
			if err := s.Exec(ctx, sql.RevokeSetPassword, postgres.Names{"user": user}, verifier, validUntil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Unlock lets a single user log in.
func Unlock(ctx context.Context, s *postgres.Session, user string) error {
	return s.Exec(ctx, sql.UnlockRole, postgres.Names{"role": user})
}

// Open lets user log in, as which it becomes the shared role.
func Open(ctx context.Context, s *postgres.Session, user, shared string) error {
	return s.Transaction(ctx, func() error {
		if err := Unlock(ctx, s, user); err != nil {
			return err
		}
		return SetRoleAtLogin(ctx, s, user, shared)
	})
}

// GiveBack lets the shared role use setup's function again. CREATEROLE, where Close took it, is not given back.
func GiveBack(ctx context.Context, s *postgres.Session, p PairState, shared, owner string) error {
	if !p.Function {
		return nil
	}
	return s.Exec(ctx, sql.RevokeGiveExecute, postgres.Names{"schema": owner, "shared": shared})
}

// OpenSession is a session, or another backend, of a role.
type OpenSession struct {
	Process int
	User    string // "" of a backend that is nobody's
}

// SessionsOf lists the sessions of users on this instance, and those that block a process (0 = none is asked about).
func SessionsOf(ctx context.Context, s *postgres.Session, users []string, process int) ([]OpenSession, error) {
	var found []OpenSession
	var o OpenSession
	err := s.Each(ctx, sql.RevokeSessions, nil, []any{users, process}, []any{&o.Process, &o.User}, func() { found = append(found, o) })
	return found, err
}

// EndSession ends the session of a process. One that has ended by itself is none to end.
func EndSession(ctx context.Context, s *postgres.Session, process int) error {
	var ended bool
	return s.Row(ctx, sql.RevokeEndSession, nil, []any{process}, &ended)
}
