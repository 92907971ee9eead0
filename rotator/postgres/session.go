// Package postgres opens sessions and runs the statements of sql/ in them: who it trusts over TLS, what refused a login, which
// faults are worth another attempt. No other package of the binary knows pgx.
package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Server is where a database listens.
type Server struct {
	Host      string
	Port      uint16
	Database  string
	Plaintext bool // no TLS; else the server's certificate and name are verified
}

// Address is host:port.
func (s Server) Address() string {
	return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))
}

// Login is a role's name and password.
type Login struct {
	User     string
	Password string
}

// Timeouts of one session.
const (
	connectTimeout = 5 * time.Second
	lockTimeout    = 3 * time.Second
	closeTimeout   = time.Second
)

// Opener opens sessions.
type Opener struct {
	Roots            Roots
	ApplicationName  string        // what the server's log and pg_stat_activity call the session
	StatementTimeout time.Duration // 0 = 5 s
}

// Session is one connection. It is not safe for concurrent use.
type Session struct {
	conn    *pgx.Conn
	server  Server
	user    string
	notices []string
	tx      pgx.Tx // the transaction that Begin has opened
}

// Open logs in. An error of the attempt is a *LoginError, and so says what refused the session in words for a person. An RDS
// Proxy is refused unasked: it keeps logins of its own, and would prove nothing about the database's.
func (o Opener) Open(ctx context.Context, server Server, login Login) (*Session, error) {
	if strings.Contains(strings.ToLower(server.Host), ".proxy-") {
		return nil, fmt.Errorf("the host %s is an RDS Proxy, which keeps logins of its own: use the cluster's writer endpoint or the instance's endpoint as the secret's host", server.Host)
	}
	session, err := o.open(ctx, server, login, o.Roots.own)
	if unknown := new(x509.UnknownAuthorityError); errors.As(err, unknown) {
		return o.open(ctx, server, login, o.Roots.system)
	}
	return session, err
}

// open logs in to a server whose certificate one of the roots has signed.
func (o Opener) open(ctx context.Context, server Server, login Login, roots func() (*x509.CertPool, error)) (*Session, error) {
	config, err := o.config(server, login, roots)
	if err != nil {
		return nil, fmt.Errorf("logging in as %q to %s/%s: %w", login.User, server.Address(), server.Database, err)
	}
	session := &Session{server: server, user: login.User}
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
		session.notices = append(session.notices, notice.Message)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	session.conn, err = pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, &LoginError{User: login.User, Server: server, cause: err}
	}
	return session, nil
}

// neutral states what pgx would otherwise take from libpq's variables (PGTARGETSESSIONATTRS, PGREQUIREAUTH …), mistakes in them
// included. PGSERVICE alone cannot be overruled.
const neutral = "host=localhost sslmode=disable sslrootcert='' sslcert='' sslkey='' sslnegotiation=postgres connect_timeout=5 " +
	"target_session_attrs=any channel_binding=prefer require_auth='' min_protocol_version=3.0 max_protocol_version=3.0"

// config takes nothing from the environment.
func (o Opener) config(server Server, login Login, roots func() (*x509.CertPool, error)) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(neutral)
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Database = server.Host, server.Port, server.Database
	config.User, config.Password = login.User, login.Password
	config.Fallbacks, config.TLSConfig = nil, nil
	config.ConnectTimeout = connectTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.RuntimeParams = o.parameters()
	config.RequireAuth = "scram-sha-256,md5" // never the password itself, whoever the server is
	if server.Plaintext {
		return config, nil
	}
	pool, err := roots()
	if err != nil {
		return nil, err
	}
	config.TLSConfig = &tls.Config{ServerName: server.Host, RootCAs: pool, MinVersion: tls.VersionTLS12}
	return config, nil
}

// parameters are set at startup, where they win over the settings of role and database. simple-protocol quoting needs
// client_encoding and standard_conforming_strings as they are here.
func (o Opener) parameters() map[string]string {
	timeout := o.StatementTimeout
	if timeout == 0 {
		timeout = connectTimeout
	}
	return map[string]string{
		"application_name":              o.ApplicationName,
		"search_path":                   "pg_catalog",
		"TimeZone":                      "UTC",
		"DateStyle":                     "ISO",
		"client_encoding":               "UTF8",
		"standard_conforming_strings":   "on",
		"default_transaction_read_only": "off",
		"statement_timeout":             milliseconds(timeout),
		"lock_timeout":                  milliseconds(lockTimeout),
	}
}

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(d.Milliseconds(), 10)
}

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

func subject(certificate *x509.Certificate) string {
	if certificate.Subject.CommonName != "" {
		return certificate.Subject.CommonName
	}
	return certificate.Subject.String()
}
