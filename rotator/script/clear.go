package script

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"pgrotator/sql"
)

// Leaver is a role that is to be dropped, and where something depends on it.
type Leaver struct {
	Name       string
	OID        int64
	Databases  []string // "" stands for what all databases share
	Unreadable []int64  // the oids of databases whose names could not be read
}

// Clear is a script for psql and the master user that passes on what a leaver owns to an heir of its own, takes back what was
// granted to it, in each database at once or not at all, and drops it. Each element is a whole number of lines.
func Clear(l Leaver) []string {
	if !writable(l.Name) {
		return []string{string(unwritable(l.Name))}
	}
	if len(l.Databases)+len(l.Unreadable) == 0 {
		return []string{preface(l), session(l), settingNames(l), text(sql.ScriptDrop)}
	}
	lines := []string{preface(l), advice(l), session(l), settingNames(l), text(sql.ScriptHeir), "\\if :ERROR\n\\echo 'Nothing was changed.'\n\\else", findingHeir(l), rememberingPassOn()}
	blocks, complete := passOn(l)
	lines = append(lines, blocks...)
	if complete {
		lines = append(lines, text(sql.ScriptDrop))
	} else {
		lines = append(lines, comment("The role stays until nothing depends on it in any database: the next report has the script for what is left."))
	}
	return append(lines, "\\endif")
}

// passOn goes from database to database. What they all share is done with any. complete is false where one cannot be gone to.
func passOn(l Leaver) (blocks []string, complete bool) {
	complete = true
	for _, database := range l.Databases {
		if database == "" && len(l.Databases) > 1 {
			continue
		}
		command, ok := connect(database)
		switch {
		case database == "":
			blocks = append(blocks, passingOn)
		case ok:
			blocks = append(blocks, command+"\n"+session(l)+"\n"+passingOn)
		default:
			complete = false
			blocks = append(blocks, unconnectable(database))
		}
	}
	for _, oid := range l.Unreadable {
		complete = false
		blocks = append(blocks, comment(fmt.Sprintf("The database of oid %d has a name of another encoding than the one that the sweep logs in to. Give it another first:", oid))+"\n"+
			comment(string(RenameDatabase(oid))))
	}
	return blocks, complete
}

func unconnectable(database string) string {
	return comment("Database "+shown(database)+" has a name that psql cannot connect to by. Give it another first:") + "\n" +
		comment(string(fill(`ALTER DATABASE :"database" RENAME TO ...;`, "database", database)))
}

func preface(l Leaver) string {
	return comment("Drops role "+shown(l.Name)+": a psql script for the master user.") + "\n" +
		"\\set ON_ERROR_STOP on\n\\set AUTOCOMMIT on\n\\pset pager off"
}

func advice(l Leaver) string {
	heir := shown(heirOf(l.Name))
	var lines []string
	for _, line := range []string{
		"Better leave the role as it is: locked, it lets nobody in, and what it owns goes on working.",
		"Else " + heir + ", a new role that nobody can log in as, gets what the role owns. From then on these run with",
		"the rights of " + heir + ":",
		"  - SECURITY DEFINER functions, whoever calls them, and the functions of indexes;",
		"  - rules, whoever writes the table;",
		"  - views, whoever reads them, but for those that are security_invoker.",
		"Triggers run as whoever writes the table. What the heir is granted:",
		"  - USAGE on the schemas that these objects are in and on the foreign data wrappers of its servers. It stays: foreign",
		"    keys and functions need it;",
		"  - CREATE on these schemas, and on a database that it has publications in, for the moment: it is revoked again.",
		"None of the role's memberships and grants: what needs more fails, until it is granted.",
		"Each database lists all of these before anything of it changes hands, up to twenty of each kind by name, and in place of the",
		"functions of indexes the indexes. To look through them first, paste the script up to each line :pgrotator_runs_as_heir,",
		"and go on in the same session.",
	} {
		lines = append(lines, comment(line))
	}
	return strings.Join(lines, "\n")
}

// session settles what the scripts for a leaver depend on.
func session(l Leaver) string {
	return settled + string(fill(`
SET pgrotator.leaver_oid = :'oid';`, "oid", fmt.Sprint(l.OID)))
}

// settled settles, after each login, what the owner of a database may have set for it: the role, which may be one that he administers,
// the encoding in which psql reads on, and what the scripts depend on.
const settled = `\encoding UTF8
SET ROLE NONE;
SET search_path = pg_catalog, pg_temp;
SET standard_conforming_strings = on;
SET default_transaction_read_only = off;
SET client_min_messages = notice;
SET statement_timeout = 0;
SET lock_timeout = '30s';`

// settingNames tells the names where the script starts. Further databases, which may be of other encodings, know the two roles by oid.
func settingNames(l Leaver) string {
	return string(fill(`SET pgrotator.leaver = :'leaver';
SET pgrotator.heir = :'heir';`, "leaver", l.Name, "heir", heirOf(l.Name)))
}

// findingHeir has psql remember the oid of the heir.
func findingHeir(l Leaver) string {
	return string(fill(`SELECT r.oid AS pgrotator_heir FROM pg_roles r WHERE r.rolname = :'heir' \gset`, "heir", heirOf(l.Name)))
}

// rememberingPassOn has psql remember the statements that each database is to be done with, so that the script holds them a single time.
func rememberingPassOn() string {
	return "SELECT $pgrotator$" + text(sql.ScriptLacking) + "$pgrotator$ AS pgrotator_lacking \\gset\n" +
		"SELECT $pgrotator$" + text(sql.ScriptRunsAsHeir) + "$pgrotator$ AS pgrotator_runs_as_heir \\gset\n" +
		"SELECT $pgrotator$" + text(sql.ScriptPassOn) + "$pgrotator$ AS pgrotator_pass_on \\gset"
}

const passingOn = `SET pgrotator.heir_oid = :'pgrotator_heir';
:pgrotator_lacking
:pgrotator_runs_as_heir
:pgrotator_pass_on`

// heirOf is the name of the role that gets what a leaver owned.
func heirOf(leaver string) string { return DerivedName("former_", leaver) }

// DerivedName is a role's name with something before it. Where that passes PostgreSQL's 63 bytes, it is as many characters as fit
// into 50 bytes, and a hash of the name.
func DerivedName(prefix, name string) string {
	const longest, kept, hashed = 63, 50, 12
	derived := prefix + name
	if len(derived) <= longest {
		return derived
	}
	cut := kept
	for !utf8.RuneStart(derived[cut]) {
		cut--
	}
	sum := sha256.Sum256([]byte(name))
	return derived[:cut] + "_" + hex.EncodeToString(sum[:])[:hashed]
}

func text(s sql.Statement) string { return strings.TrimSpace(s.Text()) }
