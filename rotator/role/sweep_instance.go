package role

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"pgrotator/sql"
)

// InstanceState is what a session tells of the instance that it is on.
type InstanceState struct {
	Version     int // server_version_num
	Standby     bool
	CurrentUser string    // whom the session became at login
	Clock       time.Time // the server's, when it answered
	Logging     Logging
}

// InstanceState asks the instance about itself and keeps the session open for the long reading of its log.
func (s *Session) InstanceState(ctx context.Context) (InstanceState, error) {
	var i InstanceState
	err := s.row(ctx, sql.SweepInstance, nil, nil, &i.Version, &i.Standby, &i.CurrentUser, &i.Clock,
		&i.Logging.Connections, &i.Logging.MinMessages)
	return i, err
}

// Exclusive reports whether no other session of this database is sweeping; then none can until Release, or this session's end.
func (s *Session) Exclusive(ctx context.Context) (bool, error) {
	var alone bool
	err := s.row(ctx, sql.SweepExclusive, nil, nil, &alone)
	return alone, err
}

// Release lets the next sweep begin, after Exclusive.
func (s *Session) Release(ctx context.Context) error {
	var released bool
	return s.row(ctx, sql.SweepRelease, nil, nil, &released)
}

// OpenSessions counts the sessions and other backends of each role on this instance.
func (s *Session) OpenSessions(ctx context.Context) (map[string]int, error) {
	open := map[string]int{}
	var name string
	var count int
	err := s.each(ctx, sql.SweepSessions, nil, nil, []any{&name, &count}, func() { open[name] = count })
	return open, err
}

// StillOpen lists which of the roles can log in on this instance. A reader learns of a lock when it has replayed it.
func (s *Session) StillOpen(ctx context.Context, roles []string) ([]string, error) {
	var open []string
	var name string
	err := s.each(ctx, sql.SweepLockedHere, nil, []any{roles}, []any{&name}, func() { open = append(open, name) })
	return open, err
}

// each reads a statement's rows into the same variables, one after the other.
func (s *Session) each(ctx context.Context, statement sql.Statement, n names, args, into []any, row func()) error {
	rows, err := s.conn.Query(ctx, n.in(statement), args...)
	if err != nil {
		return s.explain(statement, err)
	}
	_, err = pgx.ForEachRow(rows, into, func() error {
		row()
		return nil
	})
	return s.explain(statement, err)
}

// send sends a statement with parameters and tells how many rows it changed.
func (s *Session) send(ctx context.Context, statement sql.Statement, n names, args ...any) (int64, error) {
	tag, err := s.conn.Exec(ctx, n.in(statement), args...)
	return tag.RowsAffected(), s.explain(statement, err)
}
