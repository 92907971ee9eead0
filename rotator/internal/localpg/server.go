// Package localpg starts throw-away PostgreSQL clusters on this machine, for tests and the demo.
//
// Every cluster asks for a SCRAM password on every connection, as a server on RDS does: under trust a wrong
// password would pass. A cluster lives in a private folder that Close removes; where the process dies before
// that, a watchdog process does it.
package localpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	superuser    = "postgres"
	loopback     = "127.0.0.1"
	startTimeout = 60 * time.Second // where the caller's context has no deadline
)

// Options says what cluster Start makes. The zero value is a plaintext one of the newest PostgreSQL installed.
type Options struct {
	// Major is the PostgreSQL version, 14 to 18; 0 is PGBIN's, else the newest installed, else the newest fetched.
	Major int
	// TLS gives the server a certificate for localhost, 127.0.0.1 and ::1, signed by a CA of its own.
	TLS bool
	// Settings are lines of postgresql.conf, such as "log_statement": "all". Values are quoted here.
	Settings map[string]string
	// HBA are lines of pg_hba.conf that come before the default ones, which want scram-sha-256 from everybody.
	HBA []string
}

// Server is one cluster and the processes that run it. Its methods may be called from several goroutines.
type Server struct {
	installation installation
	account      *account
	folder       *folder
	watchdog     *watchdog
	tls          bool
	password     string
	port         int

	mu         sync.Mutex // guards what follows, and lets one change of state happen at a time
	postmaster *child     // nil while stopped
	closed     bool
}

// Start makes a cluster and returns when it accepts connections. The context bounds the start alone; without a
// deadline, a minute does. The first start of a version that is not installed downloads it (about 24 MB).
func Start(ctx context.Context, o Options) (*Server, error) {
	ctx, cancel := withDefaultDeadline(ctx)
	defer cancel()
	s, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.initialize(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func prepare(ctx context.Context, o Options) (*Server, error) {
	account, err := databaseAccount()
	if err != nil {
		return nil, err
	}
	found, err := locate(ctx, o.Major, account)
	if err != nil {
		return nil, err
	}
	return newServer(found, account, o.TLS, rand.Text())
}

// newServer makes the private folder and its watchdog: from here on Close has something to remove.
func newServer(found installation, account *account, tls bool, password string) (*Server, error) {
	folder, err := newFolder(account)
	if err != nil {
		return nil, err
	}
	watchdog, err := watch(folder)
	if err != nil {
		return nil, errors.Join(err, folder.remove())
	}
	return &Server{
		installation: found, account: account, folder: folder, watchdog: watchdog, tls: tls, password: password,
	}, nil
}

func (s *Server) initialize(ctx context.Context, o Options) error {
	if err := s.initdb(ctx); err != nil {
		return err
	}
	if o.TLS {
		if err := s.certify(); err != nil {
			return err
		}
	}
	if err := s.configure(o); err != nil {
		return err
	}
	return s.startOnFreePort(ctx)
}

// Host is the address of the server, which also answers as localhost.
func (s *Server) Host() string { return loopback }

// Port is the TCP port of the server, the same for as long as the cluster exists.
func (s *Server) Port() int { return s.port }

// Major is the PostgreSQL version, such as 15.
func (s *Server) Major() int { return s.installation.major }

// CAFile is the PEM file of the CA that signed the server's certificate, "" without TLS.
func (s *Server) CAFile() string {
	if !s.tls {
		return ""
	}
	return s.folder.join("ca.pem")
}

// Superuser is the login that initdb made.
func (s *Server) Superuser() (name, password string) { return superuser, s.password }

// URL is the connection string of a user, for pgx and psql: verify-full with the CA's file under TLS, else plaintext.
func (s *Server) URL(user, password, database string) string {
	query := url.Values{"sslmode": {"disable"}}
	if s.tls {
		query = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {s.CAFile()}}
	}
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     net.JoinHostPort(loopback, strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: query.Encode(),
	}
	return u.String()
}

// LogFile is the server's log, in the stderr format with the line prefix of RDS, one file over all restarts.
func (s *Server) LogFile() string { return s.folder.join("log") }

// Log is the text of the server's log so far.
func (s *Server) Log() (string, error) {
	text, err := os.ReadFile(s.LogFile())
	return string(text), err
}

// Close stops the server at once and removes everything that belongs to it. Closing again does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	stopped := s.stopAtOnce()
	removed := s.folder.remove()
	return errors.Join(stopped, removed, s.watchdog.dismiss())
}

func (s *Server) data() string { return s.folder.join("data") }

func withDefaultDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, set := ctx.Deadline(); set {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not done within %s", startTimeout))
}
