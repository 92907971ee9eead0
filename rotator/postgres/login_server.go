package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/rotator/script"
)

// explainServer says what the server's answer means, and no more than it shows. The routine tells apart what shares a SQLSTATE, and
// is never translated; nor are the names in a message.
func (e *LoginError) explainServer(pg *pgconn.PgError) string {
	switch pg.Code {
	case invalidPassword:
		return e.explainPassword()
	case invalidAuthorization:
		return e.explainAuthorization(pg)
	case tooManyConnections:
		if pg.Routine == "InitializeSessionUserId" {
			return fmt.Sprintf("the password is right, but the role's CONNECTION LIMIT is reached: %s", script.LiftConnectionLimit(e.User))
		}
		return "the server has no free connection for this user (max_connections, the slots it reserves, or the database's CONNECTION LIMIT)"
	case invalidCatalogName:
		return `the database does not exist: set the secret's key "dbname"`
	case insufficientPrivilege:
		return fmt.Sprintf("the role may not connect to this database: %s", script.AllowConnect(e.Server.Database, e.User))
	case objectNotInState:
		return "the database accepts no connections (ALLOW_CONNECTIONS false)"
	case cannotConnectNow:
		return "the server is starting up or shutting down"
	case protocolViolation:
		if strings.Contains(pg.Message, "startup parameter") {
			return "a pooler such as PgBouncer answers, which keeps settings and logins of its own: use the database's own endpoint as the secret's host"
		}
	}
	return "the server refused the session"
}

func (e *LoginError) explainPassword() string {
	if e.token {
		return "the server took the IAM token for a password, and refused it (the user is no member of rds_iam, or no such role exists, or IAM " +
			"authentication is off)"
	}
	causes := []string{"a wrong password", "no such role", "a role without a password", "VALID UNTIL in the past"}
	if e.asked() == askedSASL {
		causes = append(causes, "an md5 password where pg_hba.conf wants scram-sha-256")
	}
	if e.nonASCII {
		causes = append(causes, "a password with characters other than printable ASCII, as this one has, which clients prepare in different ways")
	}
	last := len(causes) - 1
	return "the server refused this user with this password (" + strings.Join(causes[:last], ", ") + " and " + causes[last] +
		" all get this one answer; check tells whether another version of the secret logs in, and what to do)"
}

// explainAuthorization tells the causes of SQLSTATE 28000 apart (src/backend/libpq/auth.c, src/backend/utils/init/miscinit.c).
func (e *LoginError) explainAuthorization(pg *pgconn.PgError) string {
	switch {
	case e.token && pg.Routine == "auth_failed":
		return "RDS refused the IAM token: the user must be a member of rds_iam, the database must have IAM authentication switched on, and the " +
			"function's role must be allowed rds-db:connect on this user of this database"
	case strings.Contains(pg.Message, "PAM"):
		return fmt.Sprintf("RDS lets members of rds_iam log in with an IAM token only: %s Where it is a member through another role, take it out of that one", script.LeaveIAM(e.User))
	case pg.Routine == "InitializeSessionUserId" && e.token:
		return fmt.Sprintf("the token is right, but the role is NOLOGIN or does not exist: %s", script.Unlock(e.User))
	case pg.Routine == "InitializeSessionUserId":
		return fmt.Sprintf("the password is right, but the role is NOLOGIN: %s", script.Unlock(e.User))
	case strings.Contains(pg.Message, "RDS proxy"):
		return "an RDS Proxy answers, which knows each user by a secret of its own"
	case strings.Contains(pg.Message, "pg_hba.conf") && e.Server.Plaintext:
		return `the server's pg_hba.conf turned the connection away, perhaps because it wants TLS (rds.force_ssl): take "ssl": false out of the secret`
	case strings.Contains(pg.Message, "pg_hba.conf"):
		return "the server's pg_hba.conf turned the connection away"
	}
	return "the server does not let this user log in by password from here"
}

// asked is how the last of the servers asked the user to prove itself.
func (e *LoginError) asked() method {
	var tried attempts
	if !errors.As(e.cause, &tried) || len(tried) == 0 {
		return askedNothing
	}
	return tried[len(tried)-1].asked
}
