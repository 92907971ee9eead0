package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/sql"
)

// Opener opens sessions.
type Opener struct {
	Roots            Roots
	ApplicationName  string        // what the server's log and pg_stat_activity call the session
	StatementTimeout time.Duration // 0 = 5 s
}

// Open logs in at one of the host's addresses, each of which has 5 s. An error of the attempt is a *LoginError, and so says what
// refused the session in words for a person. An RDS Proxy is refused unasked, unless it is what the server says it is.
func (o Opener) Open(ctx context.Context, server Server, login Login) (*Session, error) {
	if err := server.admit(); err != nil {
		return nil, err
	}
	session, err := o.openNamed(ctx, server, login)
	if other, ok := inWestern(login.User); ok && TurnedAway(err) {
		named := login.User
		login.User = other
		if session, err := o.openNamed(ctx, server, login); err == nil {
			session.user = named
			return session, nil
		}
	}
	return session, err
}

func (o Opener) openNamed(ctx context.Context, server Server, login Login) (session *Session, err error) {
	for _, roots := range o.Roots.pools(server.Host) {
		session, err = o.openTrusting(ctx, server, login, roots)
		if unknown := new(x509.UnknownAuthorityError); !errors.As(err, unknown) {
			break
		}
	}
	return session, err
}

// openTrusting logs in to a server whose certificate one of the roots has signed. Where a timeout of the role's own ends the session
// before its first statement can take it off, it is opened again with that timeout overruled at startup.
func (o Opener) openTrusting(ctx context.Context, server Server, login Login, roots func() (*x509.CertPool, error)) (*Session, error) {
	overruled := map[string]string{}
	for {
		session, err := o.openOnce(ctx, server, login, roots, overruled)
		timeout := endedBy(err)
		if timeout == "" || overruled[timeout] != "" {
			return session, err
		}
		overruled[timeout] = "0"
	}
}

// endedBy is the setting that ended a session, by the SQLSTATE of its FATAL; or "". A FATAL that the session's own first statement
// crossed on its way may be lost: only an idle session is ended while a statement is under way.
func endedBy(err error) string {
	var pg *pgconn.PgError
	if first := new(StatementError); !errors.As(err, &pg) {
		if errors.As(err, &first) && isCut(err) {
			return "idle_session_timeout"
		}
		return ""
	}
	return map[string]string{
		"25P03": "idle_in_transaction_session_timeout",
		"25P04": "transaction_timeout",
		"57P05": "idle_session_timeout",
	}[pg.Code]
}

func (o Opener) openOnce(ctx context.Context, server Server, login Login, roots func() (*x509.CertPool, error), overruled map[string]string) (*Session, error) {
	if login.Token != nil {
		token, err := login.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("signing an IAM token for %q at %s: %w", login.User, server.Address(), err)
		}
		login.Password = token
	}
	config, err := o.config(server, login, roots, overruled)
	if err != nil {
		return nil, fmt.Errorf("logging in as %q to %s/%s: %w", login.User, server.Address(), server.Database, err)
	}
	session := &Session{server: server, user: login.User}
	if err := session.connect(ctx, config); err != nil {
		return nil, &LoginError{User: login.User, Server: server, token: login.Token != nil, nonASCII: !printableASCII(login.Password), cause: err}
	}
	if server.Proxy {
		return session, nil
	}
	if err := session.Exec(ctx, sql.SessionBegin, nil); err != nil {
		session.Close(ctx)
		return nil, err
	}
	return session, nil
}

func printableASCII(s string) bool {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}

// connect tries one address of the host after the other until one logs in, or answers in a way that none will change.
func (s *Session) connect(ctx context.Context, config *pgx.ConnConfig) error {
	addresses, err := lookup(ctx, config.Host)
	if err != nil {
		return err
	}
	var failed attempts
	for _, address := range addresses {
		tried := attempt{address: address}
		var connected atomic.Bool
		attend(config, s, address, &connected)
		begun := time.Now()
		if s.conn, tried.err = pgx.ConnectConfig(ctx, config); tried.err == nil {
			return nil
		}
		tried.took, tried.connected = time.Since(begun), connected.Load()
		if s.wire != nil {
			tried.asked, s.wire = s.wire.asked, nil
		}
		failed = append(failed, tried)
		if ctx.Err() != nil || answered(tried.err) {
			break
		}
	}
	return failed
}

func lookup(ctx context.Context, host string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, addressTimeout)
	defer cancel()
	return net.DefaultResolver.LookupHost(ctx, host)
}

// answered reports what PostgreSQL itself said about the login: it would say the same at another address, but for a server that
// stops or starts.
func answered(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && !provesNothing(err)
}

// attempt is one login at one address that failed.
type attempt struct {
	address   string
	connected bool // something accepted the connection
	took      time.Duration
	asked     method
	err       error
}

// attempts are the addresses of a host, all of which failed.
type attempts []attempt

func (a attempts) Error() string {
	return errors.Join(a.Unwrap()...).Error()
}

func (a attempts) Unwrap() []error {
	list := make([]error, 0, len(a))
	for _, tried := range a {
		list = append(list, tried.err)
	}
	return list
}
