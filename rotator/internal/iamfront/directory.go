package iamfront

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
)

// Directory is an LDAP server that knows nothing but simple binds, and lets in whoever sends a token as the password of his name. A
// PostgreSQL server that asks it (pg_hba.conf: ldap) asks its clients for their passwords in clear text, as RDS does.
type Directory struct {
	key      Key
	listener net.Listener

	mu      sync.Mutex
	address string
	logins  []Login
}

// prefix stands before the user in the name that is bound.
const prefix = "cn="

// StartDirectory listens until ctx is done.
func StartDirectory(ctx context.Context, key Key) (*Directory, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &Directory{key: key, listener: listener}
	context.AfterFunc(ctx, func() { listener.Close() })
	go d.accept(ctx)
	return d, nil
}

// HBA is the method of a line in pg_hba.conf, with its options.
func (d *Directory) HBA() string {
	return fmt.Sprintf(`ldap ldapserver=127.0.0.1 ldapport=%d ldapprefix="%s"`, d.listener.Addr().(*net.TCPAddr).Port, prefix)
}

// For says for which address, "host:port", the tokens have to be.
func (d *Directory) For(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.address = address
}

// Logins are those so far, in their order.
func (d *Directory) Logins() []Login {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Login(nil), d.logins...)
}

func (d *Directory) accept(ctx context.Context) {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			// PostgreSQL tells its client of what fails here.
			_ = d.serve(ctx, conn)
		}()
	}
}

func (d *Directory) serve(ctx context.Context, conn net.Conn) error {
	for {
		bind, err := readBind(conn)
		if err != nil {
			return err
		}
		code := byte(success)
		if !d.admit(ctx, bind) {
			code = invalidCredentials
		}
		if _, err := conn.Write(bind.answer(code)); err != nil {
			return err
		}
	}
}

func (d *Directory) admit(ctx context.Context, b bind) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	login := Login{User: strings.TrimPrefix(b.name, prefix), Token: b.password}
	if err := d.key.verify(ctx, login.Token, login.User, d.address); err != nil {
		login.Refused = err.Error()
	}
	d.logins = append(d.logins, login)
	return login.Refused == ""
}
