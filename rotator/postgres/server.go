package postgres

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Server is where a database listens.
type Server struct {
	Host      string
	Port      uint16
	Database  string
	Plaintext bool // no TLS; else the server's certificate and name are verified
	Proxy     bool // an RDS Proxy, which knows few startup parameters and pins a session that sets anything
}

// Address is host:port.
func (s Server) Address() string {
	return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))
}

// admit refuses an RDS Proxy where a database is meant: it keeps logins of its own, and would prove nothing about the database's.
// The names are those of the RDS User Guide, "Connecting to a database through RDS Proxy": NAME.proxy-ID.REGION.rds.amazonaws.com,
// and NAME.endpoint.proxy-ID.… for a further endpoint.
func (s Server) admit() error {
	if IsRDS(s.Host) && strings.Contains(strings.ToLower(s.Host), ".proxy-") && !s.Proxy {
		return fmt.Errorf("the host %q is an RDS Proxy, which keeps logins of its own: use the cluster's writer endpoint or the instance's endpoint "+
			"as the secret's host, and name the proxy in its key \"proxyhost\"", s.Host)
	}
	return nil
}

// Login is a role's name and what proves it.
type Login struct {
	User     string
	Password string
	// Token signs an IAM token that takes the password's place; nil = none. It is signed for each connection anew, and sent only
	// over TLS to a server whose name is verified, since it is sent as it is.
	Token func(context.Context) (string, error)
	// Itself has the session be its user, whatever role the database has everybody become who may: whoever may make roles can make
	// anybody a member of his own.
	Itself bool
}
