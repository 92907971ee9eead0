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
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

func explainTLS(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return fmt.Sprintf("the server's certificate is signed by an unknown CA, %q, neither of the RDS bundle nor of the system: put its root "+
			"certificate into a PEM file and name it in DB_CA_FILE: %v", issuer(unknown.Cert), unknown)
	case errors.As(err, &name):
		return "the server's certificate is for another host name: use the endpoint's own name as host: " + name.Error()
	case errors.As(err, &invalid):
		return "the server's certificate is not valid: " + invalid.Error()
	case errors.As(err, &record):
		return "the server does not speak TLS on this port: " + record.Msg
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return `the server refused TLS: switch it on there, or, if plaintext is really wanted, set "ssl": false in the secret`
	}
	return ""
}

// explainNetwork tells of each address that was tried, since each may have failed in its own way.
func (e *LoginError) explainNetwork() string {
	var dns *net.DNSError
	var tried attempts
	switch {
	case errors.As(e.cause, &dns) && dns.IsNotFound:
		return fmt.Sprintf("the name %s does not resolve: check the secret's host, and the VPC's DNS: %v", e.Server.Host, dns)
	case errors.As(e.cause, &dns):
		return fmt.Sprintf("resolving %s: %v", e.Server.Host, dns)
	case !errors.As(e.cause, &tried) || len(tried) == 0:
		return lastCause(e.cause)
	case len(tried) == 1:
		return e.explainAttempt(tried[0])
	}
	var all []string
	for _, attempt := range tried {
		all = append(all, attempt.address+": "+e.explainAttempt(attempt))
	}
	return fmt.Sprintf("none of the host's %d addresses logs in (%s)", len(tried), strings.Join(all, "; "))
}

func (e *LoginError) explainAttempt(a attempt) string {
	took := a.took.Round(time.Second / 10)
	var flood excess
	var long *pgproto3.ExceededMaxBodyLenErr
	switch {
	case errors.As(a.err, &flood):
		return "the server is none to log in to: " + flood.Error()
	case errors.As(a.err, &long):
		return fmt.Sprintf("the server is none to log in to: it sent a message of more than %d MiB", mostInMessage>>20)
	case strings.Contains(a.err.Error(), "require_auth check failed"):
		return e.explainMethod(a.asked)
	case errors.Is(a.err, syscall.ECONNREFUSED):
		return "nothing listens on this port (connection refused): check the secret's port, and whether the server is up"
	case isTimeout(a.err) && !a.connected:
		return fmt.Sprintf("no connection within %s (timeout): check the function's subnets and the security groups of function and database", took)
	case isTimeout(a.err):
		return fmt.Sprintf("the connection was accepted, and the login was not over within %s (timeout): the server is overloaded or waking up, "+
			"or something else listens on this port", took)
	case isCut(a.err):
		return "the connection was cut while logging in: " + lastCause(a.err)
	}
	return lastCause(a.err)
}

// explainMethod says why the server was given no proof.
func (e *LoginError) explainMethod(asked method) string {
	switch {
	case e.token:
		return "the server does not ask for an IAM token: the user is no member of rds_iam, or IAM authentication is off"
	case asked == askedCleartext:
		return "the server asks for the password itself, which is not sent. RDS does so of members of rds_iam, who log in by " +
			"IAM token only: take the user, or the role through which it is one, out of rds_iam"
	case asked == askedNothing:
		return "the server asks for no password (trust in pg_hba.conf), so logging in proves nothing: have pg_hba.conf ask for scram-sha-256"
	}
	return "the server asks for another proof than a password: have pg_hba.conf ask for scram-sha-256"
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
