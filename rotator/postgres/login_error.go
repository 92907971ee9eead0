package postgres

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// LoginError is a session that was not opened. Its text names the user, the server and the cause as the server, the network
// or TLS gave it, and what to do.
type LoginError struct {
	User   string
	Server Server

	token    bool // an IAM token was to prove it
	nonASCII bool // its password holds characters other than printable ASCII
	cause    error
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("logging in as %q to %s, database %q: %s", e.User, e.Server.Address(), e.Server.Database, e.explain())
}

func (e *LoginError) Unwrap() error { return e.cause }

// Refused reports that the server turned the user and its password down: a wrong password, no such role, no password at all
// or VALID UNTIL in the past, which PostgreSQL does not tell apart (SQLSTATE 28P01).
func Refused(err error) bool {
	return hasSQLState(err, invalidPassword)
}

// NotPermitted reports that the password is right and the role may not log in (NOLOGIN). PostgreSQL looks at the password
// first and gives this answer only when it is right.
func NotPermitted(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == invalidAuthorization && pg.Routine == "InitializeSessionUserId"
}

// TurnedAway reports that a server or a pooler in front of it answered, and does not let the user in: it knows neither it nor its
// password, or not yet. PgBouncer says all of that with SQLSTATE 08P01, an RDS Proxy with 28000 and 28P01.
func TurnedAway(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "28") || pg.Code == protocolViolation)
}

// Unreached reports that no address of the host was connected to: from this machine there is no way to the server, or nothing listens.
func Unreached(err error) bool {
	var dns *net.DNSError
	var tried attempts
	return errors.As(err, &dns) || errors.As(err, &tried) && !slices.ContainsFunc(tried, func(a attempt) bool { return a.connected })
}

// SQLSTATEs that the code branches on (PostgreSQL, appendix A).
const (
	invalidPassword       = "28P01"
	invalidAuthorization  = "28000"
	invalidCatalogName    = "3D000"
	uniqueViolation       = "23505"
	insufficientPrivilege = "42501"
	dependentObjects      = "2BP01"
	duplicateObject       = "42710"
	protocolViolation     = "08P01"
	tooManyConnections    = "53300"
	objectNotInState      = "55000"
	lockNotAvailable      = "55P03"
	cannotConnectNow      = "57P03"
	internalError         = "XX000"
)

func hasSQLState(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}

func (e *LoginError) explain() string {
	var pg *pgconn.PgError
	if errors.As(e.cause, &pg) {
		return e.explainServer(pg) + ": " + serverText(pg)
	}
	if text := explainTLS(e.cause); text != "" {
		return text
	}
	return e.explainNetwork()
}

// serverText is an error as PostgreSQL gave it. Of the context only the functions are told that it came from, such as a DBA's event
// trigger: its other lines can hold a statement's text.
func serverText(pg *pgconn.PgError) string {
	text := pg.Error()
	if pg.Detail != "" {
		text += ", DETAIL: " + pg.Detail
	}
	if pg.Hint != "" {
		text += ", HINT: " + pg.Hint
	}
	for line := range strings.Lines(pg.Where) {
		if strings.HasPrefix(line, "PL/") && !strings.Contains(line, "inline_code_block") {
			text += ", CONTEXT: " + strings.TrimSpace(line)
		}
	}
	return text
}
