package account

import (
	"context"
	"errors"
	"time"

	"pgrotator/rotator/postgres"
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
func Lock(ctx context.Context, s *postgres.Session, c Closing) (bool, error) {
	return change(ctx, s, c, sql.SweepRecordLock, sql.LockRoleByFunction, sql.LockRole)
}

// Unlock gives LOGIN back and records it, both or neither.
func Unlock(ctx context.Context, s *postgres.Session, c Closing) (bool, error) {
	return change(ctx, s, c, sql.SweepRecordUnlock, sql.UnlockRoleByFunction, sql.UnlockRole)
}

// Drop drops a locked role and records it, both or neither. It does nothing, and is false, where the role may log in again, has
// become active, has a session, or a member.
func Drop(ctx context.Context, s *postgres.Session, c Closing) (bool, error) {
	return change(ctx, s, c, sql.SweepRecordDrop, sql.DropRoleByFunction, sql.DropRole)
}

// changeAttempts bounds the tries of one change: another session may be altering the same role.
const changeAttempts = 3

func change(ctx context.Context, s *postgres.Session, c Closing, record, function, directly sql.Statement) (bool, error) {
	for attempt := 1; ; attempt++ {
		err := s.Transaction(ctx, func() error { return recordAndChange(ctx, s, c, record, function, directly) })
		if errors.Is(err, errOvertaken) {
			return false, nil
		}
		if attempt == changeAttempts || !postgres.Transient(err) {
			return err == nil, err
		}
	}
}

func recordAndChange(ctx context.Context, s *postgres.Session, c Closing, record, function, directly sql.Statement) error {
	changed, err := s.Send(ctx, record, postgres.Names{"state_schema": c.StateSchema}, c.Name, c.OID, c.LastActivity, c.Detail)
	if err != nil {
		return err
	}
	if changed == 0 {
		return errOvertaken
	}
	if c.Functions == "" {
		return s.Exec(ctx, directly, postgres.Names{"role": c.Name})
	}
	_, err = s.Send(ctx, function, postgres.Names{"schema": c.Functions}, c.Name)
	return err
}

// NewStatus is another status for a role.
type NewStatus struct {
	Name   string
	OID    int64
	Status string
	Detail string // JSON, for user_login_action
}

// SetStatus gives roles another status and leaves the roles themselves alone.
func SetStatus(ctx context.Context, s *postgres.Session, stateSchema string, marks []NewStatus) error {
	n := len(marks)
	roles, oids, statuses, details := make([]string, n), make([]int64, n), make([]string, n), make([]string, n)
	for i, m := range marks {
		roles[i], oids[i], statuses[i], details[i] = m.Name, m.OID, m.Status, m.Detail
	}
	_, err := s.Send(ctx, sql.SweepMark, postgres.Names{"state_schema": stateSchema}, roles, oids, statuses, details)
	return err
}

// Reactivate takes note of roles that the sweep had locked and that somebody else let log in again.
func Reactivate(ctx context.Context, s *postgres.Session, stateSchema string, accounts []Account) error {
	roles, oids := make([]string, len(accounts)), make([]int64, len(accounts))
	for i, a := range accounts {
		roles[i], oids[i] = a.Name, a.OID
	}
	_, err := s.Send(ctx, sql.SweepReactivate, postgres.Names{"state_schema": stateSchema}, roles, oids)
	return err
}
