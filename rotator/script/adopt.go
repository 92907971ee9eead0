package script

import (
	"strings"

	"pgrotator/sql"
)

// Adoption is a pair whose users own things and hold grants that are to be their shared role's.
type Adoption struct {
	User, Partner, Shared string
	Databases             []string // further ones in which they own something or were granted something
}

// Adopt is a script for psql and the master user, to be begun in the secret's database. It makes the shared role, with the users that
// exist as members, and gives it what they are, own and were granted, in each database all of it or nothing. They go on having it,
// and none becomes the shared role at login yet. Each element is a whole number of lines.
func Adopt(a Adoption) []string {
	for _, name := range []string{a.User, a.Partner, a.Shared} {
		if !writable(name) {
			return []string{string(unwritable(name))}
		}
	}
	lines := []string{
		comment("Gives role " + shown(a.Shared) + " what " + shown(a.User) + " and " + shown(a.Partner) + " own and were granted: a psql script for the master user. Repeatable."),
		"\\set ON_ERROR_STOP on\n\\set AUTOCOMMIT on", settled,
		string(fill(`SET pgrotator.username = :'user';
SET pgrotator.partner = :'partner';
SET pgrotator.role = :'shared';`, "user", a.User, "partner", a.Partner, "shared", a.Shared)),
		text(sql.AdoptShared), text(sql.AdoptRoles),
		"SELECT current_setting('pgrotator.users') AS pgrotator_users, current_setting('pgrotator.shared') AS pgrotator_shared \\gset",
		"SELECT $pgrotator$" + text(sql.AdoptDatabase) + "$pgrotator$ AS pgrotator_adopt \\gset",
		":pgrotator_adopt",
	}
	for _, database := range a.Databases {
		lines = append(lines, adoptIn(database))
	}
	return lines
}

// adoptIn goes on in another database. A database of another encoding knows the roles by oid.
func adoptIn(database string) string {
	command, ok := connect(database)
	if !ok {
		return unconnectable(database)
	}
	return strings.Join([]string{command, settled,
		"SET pgrotator.users = :'pgrotator_users';", "SET pgrotator.shared = :'pgrotator_shared';", ":pgrotator_adopt"}, "\n")
}
