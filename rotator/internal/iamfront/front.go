// Package iamfront stands before a PostgreSQL server as RDS does with IAM database authentication: it speaks TLS, asks some users for
// their password in clear text, and lets in whoever sends a token that is signed for this address and user and not older than 15
// minutes. Everybody else it passes on to the server untouched. A Directory does the asking for a server that was built with LDAP.
package iamfront

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Options says what a Front stands before and whom it lets in.
type Options struct {
	Backend string   // the server's address, which trusts Users from this machine
	Users   []string // who logs in by token: the members of rds_iam
	Key     Key
}

// Front listens on a port of localhost.
type Front struct {
	options  Options
	listener net.Listener
	tls      *tls.Config
	caFile   string

	mu     sync.Mutex
	logins []Login
}

// Login is one user that was asked for a token.
type Login struct {
	User    string
	Token   string
	Refused string // why; "" = it was let in
}

// Port is where the Front listens, as localhost.
func (f *Front) Port() int { return f.listener.Addr().(*net.TCPAddr).Port }

// CAFile holds the certificate of the CA that signed the Front's.
func (f *Front) CAFile() string { return f.caFile }

// Logins are those by token so far, in their order.
func (f *Front) Logins() []Login {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.logins)
}

// Start listens until ctx is done. The CA's certificate goes into folder.
func Start(ctx context.Context, folder string, o Options) (*Front, error) {
	certificate, caFile, err := certify(folder)
	if err != nil {
		return nil, fmt.Errorf("making the front's certificate: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &Front{options: o, listener: listener, caFile: caFile, tls: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	context.AfterFunc(ctx, func() { listener.Close() })
	go f.accept(ctx)
	return f, nil
}

func (f *Front) accept(ctx context.Context) {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			// A client that goes away, or was refused, is the test's to notice.
			_ = f.serve(ctx, conn)
		}()
	}
}

// serve takes the startup message and passes the rest on.
func (f *Front) serve(ctx context.Context, plain net.Conn) error {
	conn, err := f.secure(plain)
	if err != nil {
		return err
	}
	client := pgproto3.NewBackend(conn, conn)
	message, err := client.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	startup, ok := message.(*pgproto3.StartupMessage)
	if !ok {
		return errors.New("no startup message")
	}
	if user := startup.Parameters["user"]; slices.Contains(f.options.Users, user) {
		if err := f.askForToken(ctx, client, user); err != nil {
			return err
		}
	}
	server, err := net.Dial("tcp", f.options.Backend)
	if err != nil {
		return err
	}
	defer server.Close()
	encoded, err := startup.Encode(nil)
	if err != nil {
		return err
	}
	if _, err := server.Write(encoded); err != nil {
		return err
	}
	return relay(conn, server)
}

// sslRequest is the code of the message that asks for TLS (PostgreSQL, "Message Formats").
const sslRequest = 80877103

// secure refuses to go on without TLS, as RDS does of users that log in by token.
func (f *Front) secure(plain net.Conn) (net.Conn, error) {
	var request [8]byte
	if _, err := io.ReadFull(plain, request[:]); err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(request[4:]) != sslRequest {
		return nil, errors.New("the client does not ask for TLS")
	}
	if _, err := plain.Write([]byte("S")); err != nil {
		return nil, err
	}
	return tls.Server(plain, f.tls), nil
}

// askForToken refuses with the words and the SQLSTATE of RDS.
func (f *Front) askForToken(ctx context.Context, client *pgproto3.Backend, user string) error {
	client.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := client.Flush(); err != nil {
		return err
	}
	if err := client.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return err
	}
	message, err := client.Receive()
	if err != nil {
		return err
	}
	answer, ok := message.(*pgproto3.PasswordMessage)
	if !ok {
		return errors.New("no password message")
	}
	refused := f.options.Key.verify(ctx, answer.Password, user, fmt.Sprintf("localhost:%d", f.Port()))
	login := Login{User: user, Token: answer.Password}
	if refused != nil {
		login.Refused = refused.Error()
		client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Routine: "auth_failed",
			Message: fmt.Sprintf("PAM authentication failed for user %q", user)})
		refused = errors.Join(refused, client.Flush())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins = append(f.logins, login)
	return refused
}

func relay(client, server net.Conn) error {
	done := make(chan error, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, err := io.Copy(way[0], way[1])
			done <- err
		}()
	}
	return <-done
}
