package script_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// hints are the statements that files of sql/ show to people, in errors, notices and answers, each by the text that it stands in: the test
// that runs what is shown, and where that is; after a dash, why there is nothing to run.
var hints = map[string]string{
	"setup/pair.sql: Look into it; its owner, or a superuser, can DROP SCHEMA %I CASCADE, or ALTER SCHEMA %I RENAME TO another name. Then run setup again.":       "setup/hints_test.go TestHintsOfSetup",
	"setup/pair.sql: Look into it. In each database where it owns something: DROP OWNED BY %1$I; then DROP ROLE %1$I, and run setup again. ":                      "setup/strangers_test.go TestOwnerRoleMadeBeforehand",
	"setup/pair.sql: If it is the pair''s: SET ROLE NONE; GRANT %1$I TO %2$I%3$s, ALTER ROLE %2$I SET role = %1$I, and run setup again.":                          "setup/hints_test.go TestHintsOfSetup",
	"setup/pair.sql: If it is: COMMENT ON ROLE %I IS %L, and run setup again. If it is not: name another in pgrotator.partner (the secret''s key \"usernames\").": "setup/hints_test.go TestHintsOfSetup",
	"setup/pair.sql: SET ROLE NONE; CREATE ROLE %I LOGIN; then set the password that the secret holds: \\password %I":                                             "setup/hints_test.go TestHintsOfSetup",
	"setup/pair.sql: REVOKE rds_superuser FROM %I, or take it out of the role through which it is a member, and run setup again.":                                 "setup/hints_test.go TestHintsOfSetup",
	"setup/tables.sql: Look into it, then ALTER TABLE %s RENAME TO %I, and run setup again.":                                                                      "setup/hints_test.go TestHintsOfSetup",
	"setup/closable.sql: left: % still has ADMIN on %: %. Let % run: REVOKE % FROM %":                                                                             "setup/closable_test.go TestOneRoleThatCannotBeGranted",
	"setup/closable.sql: % may not grant it, whoever made it can: GRANT % TO % WITH ADMIN TRUE, INHERIT FALSE, SET FALSE":                                         "setup/closable_test.go TestOneRoleThatCannotBeGranted",
	"setup/upgrade.sql: ALTER ROLE ":           "setup/upgrade_test.go TestUpgradeFrom15ChangesNothing",
	"setup/upgrade.sql: SET ROLE NONE; GRANT ": "setup/upgrade_test.go TestUpgradeFrom15ChangesNothing",
	"adopt/refuse.sql: Let %s, or a superuser, run: GRANT %s ON %s TO %s%s. Then run setup again.": "setup/adopt_refusal_test.go TestAdoptionIsStopped",
	"adopt/refuse.sql:  WITH GRANT OPTION":                                                         "setup/adopt_refusal_test.go TestAdoptionIsStopped",
	"adopt/powers.sql: ALTER ROLE %s %s":                                                           "setup/adopt_refusal_test.go TestAdoptionIsStopped",
	"adopt/powers.sql: GRANT %I TO %s":                                                             "setup/hints_test.go groupOfAnother",
	"adopt/shared.sql: REVOKE %I FROM %I, or take it out of the role through which it is a member, and run setup again.": "setup/hints_test.go TestHintsOfSetup",
	"adopt/shared.sql: Give replication a user of its own, ALTER ROLE %I NOREPLICATION, and run setup again.":            "setup/hints_test.go TestHintsOfSetup",
	"adopt/shared.sql: ALTER ROLE %I INHERIT, and run setup again.":                                                      "setup/hints_test.go TestHintsOfSetup",
	"adopt/settings.sql: ALTER ROLE %I %sSET %I ":                                                                        "- it is executed",
	"adopt/defaults.sql: GRANT ":  "- it describes a privilege",
	"adopt/defaults.sql: REVOKE ": "- it describes a privilege",
	"adopt/ownership.sql: Raise max_locks_per_transaction, which takes a restart, or give the tables to the shared role in parts beforehand, by ALTER TABLE ... OWNER TO.": "- it names a command, and holds none",
	"teardown.sql: its table says that the sweep locked %, which stays locked: ALTER ROLE % LOGIN; unlocks it":                                                             "script/teardown_test.go allTeardowns",
	"teardown.sql: ALTER ROLE %I NOLOGIN;":                                "script/teardown_test.go allTeardowns",
	"cure/rename_database.sql: ALTER DATABASE %I RENAME TO renamed_:oid;": "script/cure_test.go allCures",
	"script/heir.sql: Find out who made it. If an earlier run of this script did, and was cut short: ALTER ROLE %I RENAME TO ...; and run it again.": "script/clear_test.go stopsAtHeir",
}

// A statement in a text that PostgreSQL shows to people is run by a test, as those of this package are.
func TestEveryHintIsRun(t *testing.T) {
	t.Parallel()
	found := shownStatements(t)
	for _, text := range found {
		if hints[text] == "" {
			t.Errorf("no test runs what is told by %q", text)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(hints)) {
		if !slices.Contains(found, text) {
			t.Errorf("no file has %q", text)
		}
		file, name, _ := strings.Cut(hints[text], " ")
		if file == "-" {
			continue
		}
		source, err := os.ReadFile("../" + file)
		if err != nil || !strings.Contains(string(source), "func "+name+"(") {
			t.Errorf("%s has no %s: %v", file, name, err)
		}
	}
}

var (
	statement = regexp.MustCompile(`\b(GRANT|REVOKE|(CREATE|ALTER|DROP) (ROLE|SCHEMA|TABLE|OWNED|DATABASE)|COMMENT ON)\b`)
	lexeme    = regexp.MustCompile(`--[^\n]*|'(?:[^']|'')*'|\b(?:EXECUTE|RAISE|SELECT)\b`)
)

// shownStatements lists the string constants of the files of sql/ that hold a statement and are not executed there.
func shownStatements(t *testing.T) (texts []string) {
	t.Helper()
	root := "../../sql"
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".sql" {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		executed := false
		for _, found := range lexeme.FindAllString(string(source), -1) {
			switch {
			case found[0] == '\'' && !executed && statement.MatchString(found):
				texts = append(texts, name+": "+found[1:len(found)-1])
			case found[0] != '\'' && found[0] != '-':
				executed = found == "EXECUTE"
			}
		}
		return err
	})
	if err != nil || len(texts) == 0 {
		t.Fatalf("%d texts, error %v", len(texts), err)
	}
	return texts
}
