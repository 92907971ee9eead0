package account

import (
	"context"
	"errors"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// TakeLock lets one sweep at a time work on the tables in a schema, until the session's end: it leaves a transaction open. It
// returns "" where the lock was had, else who holds it.
func TakeLock(ctx context.Context, s *postgres.Session, schema string) (holder string, err error) {
	names := postgres.Names{"state_schema": schema}
	if err := s.Begin(ctx); err != nil {
		return "", err
	}
	err = s.Exec(ctx, sql.SweepTakeLock, names)
	if !postgres.LockNotAvailable(err) {
		return "", err
	}
	if err := s.Rollback(ctx); err != nil {
		return "", err
	}
	holder = "somebody who let go of it meanwhile"
	table := postgres.Quote(schema) + ".user_login_action"
	if err := s.Row(ctx, sql.SweepLockHolder, nil, []any{table}, &holder); err != nil && !postgres.NoRow(err) {
		return "", err
	}
	return holder, nil
}

// ErrLockLost is returned by HoldsLock where the session is there and the lock is not.
var ErrLockLost = errors.New("the sweep's lock was lost: another sweep may be under way")

// HoldsLock returns an error unless a session in which TakeLock succeeded still holds the lock.
func HoldsLock(ctx context.Context, s *postgres.Session) error {
	var holds bool
	if err := s.Row(ctx, sql.SweepHoldsLock, nil, nil, &holds); err != nil {
		return err
	}
	if !holds {
		return ErrLockLost
	}
	return nil
}
