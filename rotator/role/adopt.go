package role

import (
	"context"
	"errors"
	"strings"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// Adopted are the roles of an adoption, by oid: a database of another encoding knows them by other names.
type Adopted struct {
	users  string // a list, as PostgreSQL writes arrays
	shared string
}

// Database is one in which the users of an adoption own something or were granted something.
type Database struct {
	Name   string
	Closed bool // it accepts no connections
}

// AdoptRoles makes the shared role of a pair whose users own things and hold grants, with the users that exist as members of it, and
// gives it their attributes and memberships. Nobody becomes it at login yet. It is an error where others than the pair would gain by it,
// or where the session's role may not give what the users have.
func AdoptRoles(ctx context.Context, s *postgres.Session, p SetupPair) (Adopted, []string, error) {
	var o SetupOutcome
	if err := setParameters(ctx, s, p.names()...); err != nil {
		return Adopted{}, nil, err
	}
	s.TakeNotices()
	if err := o.run(ctx, s, sql.AdoptShared); err != nil {
		return Adopted{}, o.Changed, err
	}
	var a Adopted
	err := errors.Join(
		s.Row(ctx, sql.SetupValue, nil, []any{"pgrotator.users"}, &a.users),
		s.Row(ctx, sql.SetupValue, nil, []any{"pgrotator.shared"}, &a.shared))
	if err != nil {
		return a, o.Changed, err
	}
	err = o.run(ctx, s, sql.AdoptRoles)
	return a, o.Changed, err
}

// AdoptDatabases lists the databases, but for the session's own, in which the users own or were granted something.
func AdoptDatabases(ctx context.Context, s *postgres.Session, a Adopted) (all []Database, err error) {
	var name string
	var open bool
	err = s.Each(ctx, sql.AdoptDatabases, nil, []any{a.users}, []any{&name, &open}, func() {
		all = append(all, Database{Name: name, Closed: !open})
	})
	return all, err
}

// AdoptDatabase makes what the users own and were granted in the session's database the shared role's, all of it or nothing. as is the
// role that acts, whatever the database would have the session be. A lock that a client holds is waited for a moment only: the error is
// then one that passes.
func AdoptDatabase(ctx context.Context, s *postgres.Session, a Adopted, as string) ([]string, error) {
	var o SetupOutcome
	err := setParameters(ctx, s, [2]string{"role", as}, [2]string{"pgrotator.users", a.users}, [2]string{"pgrotator.shared", a.shared})
	if err != nil {
		return nil, err
	}
	s.TakeNotices()
	err = o.run(ctx, s, sql.AdoptDatabase)
	return o.Changed, err
}

// AdoptSettings gives the other user of the pair the settings of the AWSCURRENT user.
func AdoptSettings(ctx context.Context, s *postgres.Session, p SetupPair) (SetupOutcome, error) {
	var o SetupOutcome
	if err := setParameters(ctx, s, p.names()...); err != nil {
		return o, err
	}
	s.TakeNotices()
	err := o.run(ctx, s, sql.AdoptSettings)
	return o, err
}

// Whom asks who an adoption of the pair would be about. Those of its users that do not exist own nothing.
func Whom(ctx context.Context, s *postgres.Session, user, partner, shared string) (a Adopted, err error) {
	err = s.Row(ctx, sql.AdoptWhom, nil, []any{user, partner, shared}, &a.users, &a.shared)
	return a, err
}

// LackingRoles lists the attributes and memberships that the users have and the shared role lacks, in a few words each. A shared role
// that does not exist lacks all of them.
func LackingRoles(ctx context.Context, s *postgres.Session, a Adopted) ([]string, error) {
	return lacking(ctx, s, a, sql.AdoptTellRoles)
}

// Lacking lists in the same way what the users own and were granted in the session's database, and in what all databases share.
func Lacking(ctx context.Context, s *postgres.Session, a Adopted) ([]string, error) {
	return lacking(ctx, s, a, sql.AdoptTell)
}

// Asking lists what in the session's database asks who the user is, or has a user's name as a text. It answers otherwise, or not, once
// the users become the shared role.
func Asking(ctx context.Context, s *postgres.Session, a Adopted) (list []string, err error) {
	var what string
	err = s.Each(ctx, sql.AdoptAsking, nil, []any{a.users}, []any{&what}, func() { list = append(list, what) })
	return list, err
}

func lacking(ctx context.Context, s *postgres.Session, a Adopted, script sql.Statement) (list []string, err error) {
	if err := setParameters(ctx, s, [2]string{"pgrotator.users", a.users}, [2]string{"pgrotator.shared", a.shared}); err != nil {
		return nil, err
	}
	if err := s.Begin(ctx); err != nil {
		return nil, err
	}
	s.TakeNotices()
	err = s.Exec(ctx, script, nil)
	for _, notice := range s.TakeNotices() {
		if what, ok := strings.CutPrefix(notice, "lacking: "); ok {
			list = append(list, what)
		}
	}
	return list, errors.Join(err, s.Rollback(ctx))
}
