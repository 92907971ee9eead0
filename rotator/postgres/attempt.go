package postgres

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// attemptsFor bounds all attempts together; firstPause doubles up to longestPause between them.
const (
	attemptsFor  = 20 * time.Second
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// Attempt runs act again, for 20 s in all, as long as it fails with something that proves nothing: a connection that was
// refused, cut or silent, a server that starts or stops, a lock not obtained, XX000 "tuple concurrently updated", with which
// PostgreSQL answers the second of two ALTER ROLE, or what it answers the second of two CREATE ROLE. It returns act's last
// error. act must be safe to repeat.
func Attempt(ctx context.Context, act func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptsFor)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := act(ctx)
		if err == nil || !provesNothing(err) {
			return err
		}
		if deadline, _ := ctx.Deadline(); time.Until(deadline) < pause {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func provesNothing(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return transient(pg)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return !dns.IsNotFound
	}
	return isTimeout(err) || isCut(err) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH)
}

// Transient reports an answer of the server that passes by itself: it is being stopped or started, or another session was first.
func Transient(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && transient(pg)
}

func transient(pg *pgconn.PgError) bool {
	switch pg.Code {
	case "57P01", "57P02", cannotConnectNow, lockNotAvailable, "40001", "40P01", uniqueViolation, duplicateObject:
		return true
	case internalError:
		return pg.Message == "tuple concurrently updated"
	case tooManyConnections:
		return pg.Routine != "InitializeSessionUserId" // a role's own limit does not pass by itself
	}
	return false
}
