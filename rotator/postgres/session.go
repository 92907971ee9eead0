// Package postgres opens sessions and runs the statements of sql/ in them: who it trusts over TLS, what refused a login, which
// faults are worth another attempt. No other package of the binary knows pgx.
package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"time"

	"github.com/jackc/pgx/v5"
)

// Session is one connection. It is not safe for concurrent use.
type Session struct {
	conn    *pgx.Conn
	server  Server
	user    string
	wire    *wire
	notices []string
	tx      pgx.Tx // the transaction that Begin has opened
}

// mostNotices is how many notices are kept: setup sends one for each role that it changes.
const mostNotices = 100_000

func (s *Session) note(notice string) {
	if len(s.notices) < mostNotices {
		s.notices = append(s.notices, notice)
	}
}

// closeTimeout is how long saying goodbye may take.
const closeTimeout = time.Second

// MD5 reports that the server asked this login for the MD5 of its password.
func (s *Session) MD5() bool { return s.wire.asked == askedMD5 }

// User is who has logged in.
func (s *Session) User() string { return s.user }

// Host is the server's, as the secret names it.
func (s *Session) Host() string { return s.server.Host }

// TakeNotices gives the messages of the NOTICEs that the server has sent since the last time, in their order.
func (s *Session) TakeNotices() []string {
	taken := s.notices
	s.notices = nil
	return taken
}

// Close ends the session. It goes ahead when ctx is done, for at most a second, so that the server is told.
func (s *Session) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	// The work is committed or lost by now: a fault in saying goodbye changes neither.
	_ = s.conn.Close(ctx)
}

// Root is the subject of the certificate authority that signed the server's certificate, or "" without TLS.
func (s *Session) Root() string {
	conn, ok := s.conn.PgConn().Conn().(*tls.Conn)
	if !ok {
		return ""
	}
	chains := conn.ConnectionState().VerifiedChains
	if len(chains) == 0 {
		return ""
	}
	return subject(chains[0][len(chains[0])-1])
}

func subject(certificate *x509.Certificate) string { return plainName(certificate.Subject) }

// issuer is who signed a certificate, as it says itself; "" where there is none.
func issuer(certificate *x509.Certificate) string {
	if certificate == nil {
		return ""
	}
	return plainName(certificate.Issuer)
}

func plainName(name pkix.Name) string {
	if name.CommonName != "" {
		return name.CommonName
	}
	return name.String()
}
