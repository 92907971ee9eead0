package script

import (
	"strconv"
	"strings"

	"pgrotator/sql"
)

// Lock keeps a role from logging in. Its open sessions go on.
func Lock(role string) Statement {
	return cure(sql.CureLock, "role", role)
}

// Unlock lets a role log in again.
func Unlock(role string) Statement {
	return cure(sql.CureUnlock, "role", role)
}

// LiftConnectionLimit takes a role's own bound on its connections away.
func LiftConnectionLimit(role string) Statement {
	return cure(sql.CureLiftConnectionLimit, "role", role)
}

// AllowConnect lets login roles into a database: themselves, since one that is NOINHERIT has nothing of what its groups may.
func AllowConnect(database string, users ...string) Statement {
	return cure(sql.CureAllowConnect, append(each("users", users), "database", database)...)
}

// Join makes a user a member of its pair's shared role that may become it and inherits from it. version is server_version_num: from
// 16 on a membership keeps the options that a GRANT does not state. Only for a role that is known to be the pair's own.
func Join(version int, shared, user string) Statement {
	statement := sql.CureJoin
	if version < optionsSince {
		statement = sql.CureJoinBefore16
	}
	return cure(statement, "shared", shared, "user", user)
}

// optionsSince is the server_version_num from which on memberships have the options INHERIT and SET.
const optionsSince = 160000

// BecomeAtLogin makes a user become its shared role when it logs in, which it may if it is a member.
func BecomeAtLogin(user, shared string) Statement {
	return cure(sql.CureBecomeAtLogin, "user", user, "shared", shared)
}

// ForgetRoleIn takes away what a user becomes in one database, which wins over what it becomes in all.
func ForgetRoleIn(database, user string) Statement {
	return cure(sql.CureForgetRoleIn, "user", user, "database", database)
}

// LeaveIAM gives roles their password logins back, where they are members of rds_iam themselves and not through another role.
func LeaveIAM(users ...string) Statement {
	return cure(sql.CureLeaveIAM, each("users", users)...)
}

// LeaveSuperuser takes the master's powers from a role.
func LeaveSuperuser(user string) Statement {
	return cure(sql.CureLeaveSuperuser, "user", user)
}

// AllowPasswords lets a role set passwords where rds.restrict_password_commands is on.
func AllowPasswords(role string) Statement {
	return cure(sql.CureAllowPasswords, "role", role)
}

// CreateShared makes the shared role of a pair. Its users are not members of it yet.
func CreateShared(shared string) Statement {
	return cure(sql.CureCreateShared, "shared", shared)
}

// CreateUser makes a login role. It has no password yet, and so does not log in.
func CreateUser(user string) Statement {
	return cure(sql.CureCreateUser, "user", user)
}

// AllowAlter lets another role alter and drop roles, and no more: neither log in as them nor have their rights. version is
// server_version_num: up to 15 ADMIN alone cannot be given, and what another role needs for this is CREATEROLE.
func AllowAlter(version int, by string, roles ...string) Statement {
	if version < optionsSince {
		return GiveCreateRole(by)
	}
	return cure(sql.CureAllowAlter, append(each("roles", roles), "by", by)...)
}

// GiveCreateRole lets a role make roles, and up to PostgreSQL 15 alter and drop every ordinary one.
func GiveCreateRole(role string) Statement {
	return cure(sql.CureGiveCreateRole, "role", role)
}

// KeepAdmin gives, up to PostgreSQL 15, what an upgrade to 16 turns into the right to alter roles, which CREATEROLE alone no longer
// is then.
func KeepAdmin(by string, roles ...string) Statement {
	return cure(sql.CureKeepAdmin, append(each("roles", roles), "by", by)...)
}

// MarkTwin says, where neither of the two can, that a user is the other of a pair.
func MarkTwin(user, partner string) Statement {
	return cure(sql.CureMarkTwin, "user", user, "comment", TwinComment(partner))
}

// TwinComment is the comment by which MarkTwin says so.
func TwinComment(partner string) string { return "pgrotator: twin of " + partner }

// RecordSecret records, as the master in the secret's own database, which secret a pair that setup has made is of. owner is the pair's
// owner role, whose schema bears its name; from 16 on the master is no member of it but while it needs to be.
func RecordSecret(version int, owner, secretARN string) Statement {
	statement := sql.CureRecordSecret
	if version < optionsSince {
		statement = sql.CureRecordSecretBefore16
	}
	return cure(statement, "owner", owner, "comment", "pgrotator: secret "+secretARN)
}

// RenameDatabase gives a database, by its oid, a name in ASCII. It holds no name of the database's, since it is for those that no
// statement can hold: with a line end in it, or of another encoding.
func RenameDatabase(oid int64) Statement {
	return Statement(strings.ReplaceAll(bare(sql.CureRenameDatabase), ":oid", strconv.FormatInt(oid, 10)))
}

// cure fills a statement of sql/cure.
func cure(s sql.Statement, pairs ...string) Statement { return fill(bare(s), pairs...) }

// bare is a statement without the comment that explains it.
func bare(s sql.Statement) string {
	_, statement, _ := strings.Cut(text(s), "\n")
	return statement
}

// each pairs a word with all that it stands for.
func each(word string, names []string) (pairs []string) {
	for _, name := range names {
		pairs = append(pairs, word, name)
	}
	return pairs
}
