package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Timeouts of one session.
const (
	addressTimeout          = 5 * time.Second // for one address of the host, from the first packet until the login is over
	defaultStatementTimeout = 5 * time.Second
	lockTimeout             = 3 * time.Second
)

// neutral states what pgx would otherwise take from libpq's variables (PGTARGETSESSIONATTRS, PGREQUIREAUTH …), mistakes in them
// included. PGSERVICE alone cannot be overruled.
const neutral = "host=localhost sslmode=disable sslrootcert='' sslcert='' sslkey='' sslnegotiation=postgres connect_timeout=5 " +
	"target_session_attrs=any channel_binding=prefer require_auth='' min_protocol_version=3.0 max_protocol_version=3.0"

// config takes nothing from the environment. overruled are further settings for the startup.
func (o Opener) config(server Server, login Login, roots func() (*x509.CertPool, error), overruled map[string]string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(neutral)
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Database = server.Host, server.Port, server.Database
	config.User, config.Password = login.User, login.Password
	config.Fallbacks, config.TLSConfig = nil, nil
	config.ConnectTimeout = addressTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0 // that mode uses neither, and each is 50 KB
	config.MaxProtocolMessageBodyLen = mostInMessage
	config.RuntimeParams = o.parameters(server)
	if login.Itself {
		config.RuntimeParams["role"] = login.User
	}
	maps.Copy(config.RuntimeParams, overruled)
	config.RequireAuth = "scram-sha-256,md5" // never the password itself, whoever the server is
	if login.Token != nil {
		config.RequireAuth = "password"
	}
	if server.Plaintext {
		if login.Token != nil {
			return nil, errors.New("an IAM token is sent over TLS only")
		}
		return config, nil
	}
	pool, err := roots()
	if err != nil {
		return nil, err
	}
	config.TLSConfig = &tls.Config{ServerName: server.Host, RootCAs: pool, MinVersion: tls.VersionTLS12}
	return config, nil
}

// parameters are set at startup, where they win over the settings of role and database: a role may give itself any of these.
// simple-protocol quoting needs client_encoding and standard_conforming_strings as they are here.
func (o Opener) parameters(server Server) map[string]string {
	if server.Proxy {
		return map[string]string{"application_name": o.ApplicationName}
	}
	timeout := o.StatementTimeout
	if timeout == 0 {
		timeout = defaultStatementTimeout
	}
	return map[string]string{
		"application_name":              o.ApplicationName,
		"search_path":                   "pg_catalog",
		"TimeZone":                      "UTC",
		"DateStyle":                     "ISO",
		"client_encoding":               "UTF8",
		"client_min_messages":           "notice",
		"standard_conforming_strings":   "on",
		"quote_all_identifiers":         "off", // names are compared as the catalog's functions write them
		"transform_null_equals":         "off",
		"array_nulls":                   "on",
		"default_transaction_read_only": "off",
		"local_preload_libraries":       "",
		"jit":                           "off", // a role that switches enable_sort off would have each query of the catalogs compiled, for seconds
		"statement_timeout":             milliseconds(timeout),
		"lock_timeout":                  milliseconds(lockTimeout),
	}
}

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(d.Milliseconds(), 10)
}

// attend has a session's configuration try one address, tell the session what passes, and tell connected when something there has
// accepted the connection: the driver dials again, in the background, to cancel what it gave up.
func attend(config *pgx.ConnConfig, session *Session, address string, connected *atomic.Bool) {
	config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{address}, nil }
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			connected.Store(true)
		}
		return conn, err
	}
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		session.wire = &wire{from: r}
		return pgproto3.NewFrontend(session.wire, w)
	}
	config.AfterNetConnect = withoutUndefinedBinding
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { session.note(notice.Message) }
}

// withoutUndefinedBinding logs in without channel binding where a server's certificate is signed in a way that RFC 5929 gives no
// hash for, as Ed25519, or that servers know no hash of, as RSA-PSS: the driver and the server would not agree.
func withoutUndefinedBinding(ctx context.Context, config *pgconn.Config, conn net.Conn) (net.Conn, error) {
	secured, ok := conn.(*tls.Conn)
	if !ok {
		return conn, nil
	}
	if err := secured.HandshakeContext(ctx); err != nil {
		return conn, err
	}
	switch secured.ConnectionState().PeerCertificates[0].SignatureAlgorithm {
	case x509.PureEd25519, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
		config.ChannelBinding = "disable"
	}
	return conn, nil
}
