package script

import (
	"fmt"
	"strings"
)

// Lock keeps a role from logging in. Its open sessions go on.
func Lock(role string) Statement {
	return fill(`ALTER ROLE :"role" NOLOGIN;`, "role", role)
}

// Unlock lets a role log in again.
func Unlock(role string) Statement {
	return fill(`ALTER ROLE :"role" LOGIN;`, "role", role)
}

// LiftConnectionLimit takes a role's own bound on its connections away.
func LiftConnectionLimit(role string) Statement {
	return fill(`ALTER ROLE :"role" CONNECTION LIMIT -1;`, "role", role)
}

// AllowConnect lets login roles into a database: themselves, since one that is NOINHERIT has nothing of what its groups may.
func AllowConnect(database string, users ...string) Statement {
	return fill(`GRANT CONNECT ON DATABASE :"database" TO `+numbered("user", users)+`;`, append(pairsOf("user", users), "database", database)...)
}

// Join makes a user a member of its pair's shared role that may become it and inherits from it. version is server_version_num: from
// 16 on a membership keeps the options that a GRANT does not state. Only for a role that is known to be the pair's own.
func Join(version int, shared, user string) Statement {
	options := ""
	if version >= optionsSince {
		options = " WITH INHERIT TRUE, SET TRUE"
	}
	return fill(`GRANT :"shared" TO :"user"`+options+`;`, "shared", shared, "user", user)
}

// optionsSince is the server_version_num from which on memberships have the options INHERIT and SET.
const optionsSince = 160000

// BecomeAtLogin makes a user become its shared role when it logs in, which it may if it is a member.
func BecomeAtLogin(user, shared string) Statement {
	return fill(`ALTER ROLE :"user" SET role = :'shared';`, "user", user, "shared", shared)
}

// ForgetRoleIn takes away what a user becomes in one database, which wins over what it becomes in all.
func ForgetRoleIn(database, user string) Statement {
	return fill(`ALTER ROLE :"user" IN DATABASE :"database" RESET role;`, "user", user, "database", database)
}

// LeaveIAM gives roles their password logins back, where they are members of rds_iam themselves and not through another role.
func LeaveIAM(users ...string) Statement {
	return fill(`REVOKE rds_iam FROM `+numbered("user", users)+`;`, pairsOf("user", users)...)
}

// LeaveSuperuser takes the master's powers from a role.
func LeaveSuperuser(user string) Statement {
	return fill(`REVOKE rds_superuser FROM :"user";`, "user", user)
}

// AllowPasswords lets a role set passwords where rds.restrict_password_commands is on.
func AllowPasswords(role string) Statement {
	return fill(`GRANT rds_password TO :"role";`, "role", role)
}

// CreateShared makes the shared role of a pair. Its users are not members of it yet.
func CreateShared(shared string) Statement {
	return fill(`CREATE ROLE :"shared" NOLOGIN;`, "shared", shared)
}

// CreateUser makes a login role. It has no password yet, and so does not log in.
func CreateUser(user string) Statement {
	return fill(`CREATE ROLE :"user" LOGIN;`, "user", user)
}

// AllowAlter lets another role alter and drop roles, and no more: neither log in as them nor have their rights. version is
// server_version_num: up to 15 ADMIN alone cannot be given, and what another role needs for this is CREATEROLE.
func AllowAlter(version int, by string, roles ...string) Statement {
	if version < optionsSince {
		return GiveCreateRole(by)
	}
	return fill(`GRANT `+numbered("role", roles)+` TO :"by" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;`, append(pairsOf("role", roles), "by", by)...)
}

// GiveCreateRole lets a role make roles, and up to PostgreSQL 15 alter and drop every ordinary one.
func GiveCreateRole(role string) Statement {
	return fill(`ALTER ROLE :"role" CREATEROLE;`, "role", role)
}

// KeepAdmin gives, up to PostgreSQL 15, what an upgrade to 16 turns into the right to alter roles, which CREATEROLE alone no longer
// is then.
func KeepAdmin(by string, roles ...string) Statement {
	return fill(`GRANT `+numbered("role", roles)+` TO :"by" WITH ADMIN OPTION;`, append(pairsOf("role", roles), "by", by)...)
}

// MarkTwin says, where neither of the two can, that a user is the other of a pair.
func MarkTwin(user, partner string) Statement {
	return fill(`COMMENT ON ROLE :"user" IS :'comment';`, "user", user, "comment", TwinComment(partner))
}

// TwinComment is the comment by which MarkTwin says so.
func TwinComment(partner string) string { return "pgrotator: twin of " + partner }

// RecordSecret records, as the master in the secret's own database, which secret a pair that setup has made is of. owner is the pair's
// owner role, whose schema bears its name; from 16 on the master is no member of it but while it needs to be.
func RecordSecret(version int, owner, secretARN string) Statement {
	statement := `COMMENT ON SCHEMA :"owner" IS :'comment';`
	if version >= optionsSince {
		statement = `GRANT :"owner" TO CURRENT_USER WITH INHERIT TRUE; ` + statement + ` REVOKE :"owner" FROM CURRENT_USER;`
	}
	return fill(statement, "owner", owner, "comment", "pgrotator: secret "+secretARN)
}

// RenameDatabase gives a database, by its oid, a name in ASCII. It holds no name of the database's, since it is for those that no
// statement can hold: with a line end in it, or of another encoding.
func RenameDatabase(oid int64) Statement {
	return Statement(fmt.Sprintf(`SELECT pg_catalog.format('ALTER DATABASE %%I RENAME TO renamed_%[1]d;', d.datname) FROM pg_catalog.pg_database d WHERE d.oid OPERATOR(pg_catalog.=) %[1]d \gexec`, oid))
}

// numbered lists placeholders for names, and pairsOf what they stand for.
func numbered(word string, names []string) string {
	list := make([]string, len(names))
	for i := range names {
		list[i] = fmt.Sprintf(`:"%s%d"`, word, i)
	}
	return strings.Join(list, ", ")
}

func pairsOf(word string, names []string) []string {
	var pairs []string
	for i, name := range names {
		pairs = append(pairs, fmt.Sprint(word, i), name)
	}
	return pairs
}
