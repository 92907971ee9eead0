package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// attemptsFor bounds all attempts together: a paused Serverless v2 instance takes 15 s to wake, and 30 s and more after a day (Aurora
// User Guide, "Scaling to Zero ACUs"). firstPause doubles up to longestPause between them.
const (
	attemptsFor  = 45 * time.Second
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// Attempt runs act again, until ctx is done and for 45 s in all, as long as it fails with something that proves nothing: a connection that was
// refused, cut or silent, a server that starts or stops, a lock not obtained, XX000 "tuple concurrently updated", with which
// PostgreSQL answers the second of two ALTER ROLE, or what it answers the second of two CREATE ROLE. It returns act's last
// error, and where there were several how many they were. act must be safe to repeat.
func Attempt(ctx context.Context, act func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptsFor)
	defer cancel()
	begun, times := time.Now(), 0
	var before error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := act(ctx)
		times++
		if err == nil || !provesNothing(err) {
			return err
		}
		if ctx.Err() != nil && before != nil {
			err = before // the attempt was cut off, and shows less than the one before
		}
		before = err
		if deadline, _ := ctx.Deadline(); time.Until(deadline) < pause {
			return told(err, times, time.Since(begun))
		}
		select {
		case <-ctx.Done():
			return told(err, times, time.Since(begun))
		case <-time.After(pause):
		}
	}
}

// told adds how often and how long was tried: the cure differs for a server that is waking up.
func told(err error, times int, took time.Duration) error {
	if times == 1 {
		return err
	}
	return fmt.Errorf("%w (the last of %d attempts in %s)", err, times, took.Round(time.Second))
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

// Vanished reports that a statement came upon an object that another session had dropped since it was listed.
func Vanished(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "42P01", "42704", "42883", "3F000": // a table, another object, a function, a schema
		return true
	}
	return pg.Code == internalError && (strings.HasPrefix(pg.Message, "could not open relation with OID") || strings.HasPrefix(pg.Message, "cache lookup failed"))
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
