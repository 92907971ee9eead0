package check

import (
	"context"
	"fmt"

	"pgrotator/rotator/postgres"
)

// mirrors looks at the secrets that an RDS Proxy reads, and logs in through it.
func (c *Check) mirrors(ctx context.Context, l *list, s subject) {
	if s.value.Mirrors == nil {
		return
	}
	for _, user := range []string{s.pair.User, s.pair.Partner} {
		mirror, err := c.store.ReadMirror(ctx, s.value.Mirrors[user], s.description.ARN, user)
		switch {
		case err != nil:
			l.fail("mirrors", err.Error(), "Tag the mirror with this secret's ARN, let it name the user, and let the function's role read and write it (ProxySecretArns).")
			return
		case mirror.Empty(), user == s.pair.User && !mirror.Holds(s.value.Password):
			l.fail("mirrors", fmt.Sprintf("the mirror of %q, %s, does not hold its password: behind the proxy the user does not log in", user, mirror.ARN), "Run setup.")
			return
		}
		if s.pair.Single() {
			break
		}
	}
	l.pass("mirrors", "each user has a mirror, and that of AWSCURRENT holds its password")
	c.proxyLogin(ctx, l, s)
}

func (c *Check) proxyLogin(ctx context.Context, l *list, s subject) {
	server := s.server()
	server.Host, server.Proxy = s.value.ProxyHost, true
	session, err := c.opener.Open(ctx, server, postgres.Login{User: s.value.Username, Password: s.value.Password})
	if err != nil {
		l.fail("proxy", err.Error(), "Name both mirrors in the proxy's Auth, and let its security group admit the function.")
		return
	}
	session.Close(ctx)
	l.pass("proxy", s.value.Username+" logs in with AWSCURRENT through "+s.value.ProxyHost)
}
