package check

import (
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
)

// nextRules is the server_version_num from which CREATEROLE alone no longer sets another role (PostgreSQL 16, release notes).
const nextRules = 160000

// upgrade names what works today and would not after an upgrade to a later major version.
func upgrade(l *list, session *postgres.Session, partner role.State) {
	switch {
	case partner.Version < nextRules && partner.FunctionSchema == "" && partner.MayAlter:
		l.advise("upgrade", "from PostgreSQL 16 on CREATEROLE alone does not set the other user: the way that rotations take now ends there",
			"Run setup before the upgrade.")
	case session.MD5():
		l.advise("upgrade", "AWSCURRENT logs in by md5, which PostgreSQL 18 warns of and a later version will not have",
			"Set password_encryption to scram-sha-256 in the parameter group, once all clients know it: the next two rotations change both users.")
	default:
		l.pass("upgrade", "nothing is known that an upgrade of the major version would break")
	}
}
