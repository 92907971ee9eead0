package role

import (
	"context"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// PairState is what a pair that is to be closed has, as the master's session sees it.
type PairState struct {
	Version  int  // server_version_num
	Process  int  // the session's own
	Function bool // setup's function is in this database
}

// adminCounts is the version from which ADMIN on a role, and not CREATEROLE, decides who may change it.
const adminCounts = 160000

// ReadPairState looks at the pair whose function stands in the schema of owner.
func ReadPairState(ctx context.Context, s *postgres.Session, owner string) (PairState, error) {
	var p PairState
	err := s.Row(ctx, sql.RevokeState, nil, []any{owner}, &p.Version, &p.Process, &p.Function)
	return p, err
}

// Existing lists which of the users there are.
func Existing(ctx context.Context, s *postgres.Session, users []string) (found []string, err error) {
	var name string
	err = s.Each(ctx, sql.RevokeExisting, nil, []any{users}, []any{&name}, func() { found = append(found, name) })
	return found, err
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

// Closing is what Close makes of a pair.
type Closing struct {
	Shared, Owner string
	Users         []string
	Next          string            // of users, who becomes the shared role at login; "" = that stays
	Verifiers     map[string]string // of users; nil = the passwords stay
	Mark          string            // the VALID UNTIL that tells this lock from every other, on a reader too
}

// Close takes LOGIN from users, and from them and the shared role what could give it back, all or nothing; and sets the verifiers of
// users that there are. It gives who had CREATEROLE.
func Close(ctx context.Context, s *postgres.Session, p PairState, c Closing) (creators []string, err error) {
	err = s.Transaction(ctx, func() error {
		if p.Function {
			if err := s.Exec(ctx, sql.RevokeTakeExecute, postgres.Names{"schema": c.Owner, "shared": c.Shared}); err != nil {
				return err
			}
		}
		if creators, err = takeCreateRole(ctx, s, p, append(c.Users, c.Shared)); err != nil {
			return err
		}
		for _, user := range c.Users {
			if err := c.lock(ctx, s, user); err != nil {
				return err
			}
		}
		if c.Next == "" {
			return nil
		}
		return SetRoleAtLogin(ctx, s, c.Next, c.Shared)
	})
	return creators, err
}

// takeCreateRole takes CREATEROLE from roles, up to PostgreSQL 15. They are looked at anew each time: one may have given it to another.
func takeCreateRole(ctx context.Context, s *postgres.Session, p PairState, roles []string) (creators []string, err error) {
	if p.Version >= adminCounts {
		return nil, nil
	}
	var name string
	err = s.Each(ctx, sql.RevokeCreateRole, nil, []any{roles}, []any{&name}, func() { creators = append(creators, name) })
	for _, name := range creators {
		if err == nil {
			err = s.Exec(ctx, sql.RevokeNoCreateRole, postgres.Names{"role": name})
		}
	}
	return creators, err
}

func (c Closing) lock(ctx context.Context, s *postgres.Session, user string) error {
	if verifier := c.Verifiers[user]; verifier != "" {
		return s.Exec(ctx, sql.RevokeSetPassword, postgres.Names{"user": user}, verifier, c.Mark)
	}
	return s.Exec(ctx, sql.RevokeLock, postgres.Names{"user": user}, c.Mark)
}

// NotLocked lists which of the users are not on this instance as Close has left them.
func NotLocked(ctx context.Context, s *postgres.Session, users []string, mark string) ([]string, error) {
	var found []string
	var name string
	err := s.Each(ctx, sql.RevokeNotLocked, nil, []any{users, mark}, []any{&name}, func() { found = append(found, name) })
	return found, err
}

// LetIn lets a user log in that Close has locked.
func LetIn(ctx context.Context, s *postgres.Session, user, validUntil string) error {
	return s.Exec(ctx, sql.RevokeLetIn, postgres.Names{"user": user}, validUntil)
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

// LoginUnderWay is a login that is being authenticated.
type LoginUnderWay struct {
	Process     int
	Transaction string // tells it from a later one of the same process number
}

// LoginsUnderWay lists the logins that are being authenticated on this instance, whosever they are, and tells for how long the server
// lets one take. PostgreSQL reads the verifier when a login begins, and asks whether the user may log in when it ends: whoever keeps it
// waiting meanwhile comes in by a password that is no longer the user's. Whoever is no member of pg_monitor is told of more than there
// are on a standby from PostgreSQL 18.
func LoginsUnderWay(ctx context.Context, s *postgres.Session) (found []LoginUnderWay, timeout time.Duration, err error) {
	var l LoginUnderWay
	var seconds int
	err = s.Each(ctx, sql.RevokeLogins, nil, nil, []any{&l.Process, &l.Transaction, &seconds}, func() { found = append(found, l) })
	return found, time.Duration(seconds) * time.Second, err
}

// Prepared is a prepared transaction.
type Prepared struct {
	Name, Owner, Database string
}

// PreparedBefore lists the prepared transactions that a process waits for.
func PreparedBefore(ctx context.Context, s *postgres.Session, process int) (found []Prepared, err error) {
	var p Prepared
	err = s.Each(ctx, sql.RevokePrepared, nil, []any{process}, []any{&p.Name, &p.Owner, &p.Database}, func() { found = append(found, p) })
	return found, err
}

// RollBack undoes a prepared transaction, in a session in its database, which becomes its owner.
func (p Prepared) RollBack(ctx context.Context, s *postgres.Session) error {
	if err := s.Exec(ctx, sql.RevokeBecome, postgres.Names{"role": p.Owner}); err != nil {
		return err
	}
	return s.Exec(ctx, sql.RevokeRollBack, nil, p.Name)
}
