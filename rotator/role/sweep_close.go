package role

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/sql"
)

// Closing is a role to be locked, unlocked or dropped, as it was judged.
type Closing struct {
	StateSchema  string
	Functions    string // the schema of setup's functions, or "" to act directly
	Name         string
	OID          int64
	LastActivity time.Time // what was judged; for an unlock, the activity that undoes the lock
	Detail       string    // JSON, for user_login_action
}

// errOvertaken undoes a transaction whose role is no longer as it was judged.
var errOvertaken = errors.New("the role is no longer as it was judged")

// Lock takes LOGIN away and records it, both or neither. It does nothing, and is false, where the role, its row or its sessions
// have changed since it was judged.
func (s *Session) Lock(ctx context.Context, c Closing) (bool, error) {
	return s.change(ctx, c, sql.SweepRecordLock, sql.LockRoleByFunction, sql.LockRole)
}

// Unlock gives LOGIN back and records it, both or neither.
func (s *Session) Unlock(ctx context.Context, c Closing) (bool, error) {
	return s.change(ctx, c, sql.SweepRecordUnlock, sql.UnlockRoleByFunction, sql.UnlockRole)
}

// Drop drops a locked role and records it, both or neither. It does nothing, and is false, where the role may log in again, has
// become active, has a session, or a member.
func (s *Session) Drop(ctx context.Context, c Closing) (bool, error) {
	return s.change(ctx, c, sql.SweepRecordDrop, sql.DropRoleByFunction, sql.DropRole)
}

// changeAttempts bounds the tries of one change: another session may be altering the same role.
const changeAttempts = 3

func (s *Session) change(ctx context.Context, c Closing, record, function, directly sql.Statement) (bool, error) {
	for attempt := 1; ; attempt++ {
		err := s.transaction(ctx, func() error { return s.recordAndChange(ctx, c, record, function, directly) })
		if errors.Is(err, errOvertaken) {
			return false, nil
		}
		var pg *pgconn.PgError
		if attempt == changeAttempts || !errors.As(err, &pg) || !transientSQLState(pg) {
			return err == nil, err
		}
	}
}

func (s *Session) recordAndChange(ctx context.Context, c Closing, record, function, directly sql.Statement) error {
	changed, err := s.send(ctx, record, names{"state_schema": c.StateSchema}, c.Name, c.OID, c.LastActivity, c.Detail)
	if err != nil {
		return err
	}
	if changed == 0 {
		return errOvertaken
	}
	if c.Functions == "" {
		return s.exec(ctx, directly, names{"role": c.Name})
	}
	_, err = s.send(ctx, function, names{"schema": c.Functions}, c.Name)
	return err
}

// Mark is another status for a role.
type Mark struct {
	Name   string
	OID    int64
	Status string
	Detail string // JSON, for user_login_action
}

// Mark gives roles another status and leaves the roles themselves alone.
func (s *Session) Mark(ctx context.Context, stateSchema string, marks []Mark) error {
	n := len(marks)
	roles, oids, statuses, details := make([]string, n), make([]int64, n), make([]string, n), make([]string, n)
	for i, m := range marks {
		roles[i], oids[i], statuses[i], details[i] = m.Name, m.OID, m.Status, m.Detail
	}
	_, err := s.send(ctx, sql.SweepMark, names{"state_schema": stateSchema}, roles, oids, statuses, details)
	return err
}

// Reactivate takes note of roles that the sweep had locked and that somebody else let log in again.
func (s *Session) Reactivate(ctx context.Context, stateSchema string, accounts []Account) error {
	roles, oids := make([]string, len(accounts)), make([]int64, len(accounts))
	for i, a := range accounts {
		roles[i], oids[i] = a.Name, a.OID
	}
	_, err := s.send(ctx, sql.SweepReactivate, names{"state_schema": stateSchema}, roles, oids)
	return err
}
