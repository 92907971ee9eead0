package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"pgrotator/rotator/script"
)

// LoginError is a session that was not opened. Its text names the user, the server and the cause as the server, the network
// or TLS gave it, and what to do.
type LoginError struct {
	User   string
	Server Server
	cause  error
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

// SQLSTATEs that the code branches on (PostgreSQL, appendix A).
const (
	invalidPassword       = "28P01"
	invalidAuthorization  = "28000"
	invalidCatalogName    = "3D000"
	uniqueViolation       = "23505"
	insufficientPrivilege = "42501"
	duplicateObject       = "42710"
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
		return explainServer(pg, e) + ": " + serverText(pg)
	}
	if text := explainTLS(e.cause); text != "" {
		return text
	}
	return explainNetwork(e.cause, e.Server)
}

// explainServer says what the server's answer means. The routine tells apart what shares a SQLSTATE, and is never translated.
func explainServer(pg *pgconn.PgError, e *LoginError) string {
	switch {
	case pg.Code == invalidPassword:
		return "the server refused this user with this password (a wrong password, no such role, a role without a password and " +
			"VALID UNTIL in the past all get this one answer; check tells whether another version of the secret logs in, and what to do)"
	case pg.Code == invalidAuthorization && strings.Contains(pg.Message, "PAM"):
		return fmt.Sprintf("RDS lets members of rds_iam log in with an IAM token only: %s Where it is a member through another role, take it out of that one", script.LeaveIAM(e.User))
	case pg.Code == invalidAuthorization && pg.Routine == "InitializeSessionUserId":
		return fmt.Sprintf("the password is right, but the role is NOLOGIN: %s", script.Unlock(e.User))
	case pg.Code == invalidAuthorization && e.Server.Plaintext:
		return `the server's pg_hba.conf turned the connection away, perhaps because it wants TLS (rds.force_ssl): take "ssl": false out of the secret`
	case pg.Code == invalidAuthorization:
		return "the server's pg_hba.conf turned the connection away"
	case pg.Code == tooManyConnections && pg.Routine == "InitializeSessionUserId":
		return fmt.Sprintf("the password is right, but the role's CONNECTION LIMIT is reached: %s", script.LiftConnectionLimit(e.User))
	case pg.Code == tooManyConnections:
		return "the server has no free connection for this user (max_connections, the slots it reserves, or the database's CONNECTION LIMIT)"
	case pg.Code == invalidCatalogName:
		return `the database does not exist: set the secret's key "dbname"`
	case pg.Code == insufficientPrivilege:
		return fmt.Sprintf("the role may not connect to this database: %s", script.AllowConnect(e.Server.Database, e.User))
	case pg.Code == objectNotInState:
		return "the database accepts no connections (ALLOW_CONNECTIONS false)"
	case pg.Code == cannotConnectNow:
		return "the server is starting up or shutting down"
	}
	return "the server refused the session"
}

func explainTLS(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "the server's certificate is signed by an unknown CA, neither of the RDS bundle nor of the system: put its root " +
			"certificate into a PEM file and name it in DB_CA_FILE: " + unknown.Error()
	case errors.As(err, &name):
		return "the server's certificate is for another host name: use the endpoint's own name as host: " + name.Error()
	case errors.As(err, &invalid):
		return "the server's certificate is not valid: " + invalid.Error()
	case errors.As(err, &record):
		return "the server does not speak TLS on this port: " + record.Msg
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return `the server refused TLS: switch it on there, or, if plaintext is really wanted, set "ssl": false in the secret`
	case strings.Contains(err.Error(), "require_auth check failed"):
		return "the server asks for the password itself, which is not sent, or for none at all. RDS does so of members of rds_iam, who log in by " +
			"IAM token only: take the user, or the role through which it is one, out of rds_iam"
	}
	return ""
}

func explainNetwork(err error, server Server) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("the name %s does not resolve: check the secret's host, and the VPC's DNS: %v", server.Host, dns)
	case errors.As(err, &dns):
		return fmt.Sprintf("resolving %s: %v", server.Host, dns)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens on this port (connection refused): check the secret's port, and whether the server is up"
	case isTimeout(err):
		return "no answer within 5 s (timeout): check the function's subnets and the security groups of function and database"
	case isCut(err):
		return "the connection was cut while logging in: " + lastCause(err)
	}
	return lastCause(err)
}

func isTimeout(err error) bool {
	var network net.Error
	return pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

func isCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed)
}

// lastCause is the innermost error's text, without the layers that repeat host and user.
func lastCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// serverText is an error as PostgreSQL gave it. The context (Where) is left out: it can hold a statement's text.
func serverText(pg *pgconn.PgError) string {
	text := pg.Error()
	if pg.Detail != "" {
		text += ", DETAIL: " + pg.Detail
	}
	if pg.Hint != "" {
		text += ", HINT: " + pg.Hint
	}
	return text
}
