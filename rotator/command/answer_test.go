package command_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"pgrotator/rotator/command"
	"pgrotator/rotator/terminal"
)

// answers are what a function says to each command, all of it that can be said, with @ wherever a stranger's name may stand.
var answers = map[string]string{
	"check": `{"ok":false,"checks":[{"name":"secret","ok":true,"detail":"user @","fix":""},{"name":"way","ok":false,"detail":"no way to set @","fix":"GRANT @ TO @"}]}`,
	"setup": `{"changed":["created role @"],"left":["@: the master may not grant it"]}`,
	"sweep": `{"secretId":"@","dryRun":false,"startedAt":"2026-11-22T03:00:00Z","finishedAt":"2026-11-22T03:00:41Z",
		"evidence":{"complete":false,"from":"2026-05-02T03:00:00Z","to":"2026-11-22T02:55:00Z","reasons":["instance @ is not reachable"],"notes":["@"],"reader":"LogsInsights",
			"gaps":[],"unread":[],"secondReading":{},"instances":[]},
		"policy":{"lockDays":90,"deleteDays":null,"mode":"act","source":"@"},"counts":{"tracked":212,"active":208,"locked":3,"readyToDelete":1,"ignored":4},
		"locked":[{"user":"@","lastActivity":"2026-08-23T17:20:04Z","idleDays":90,"iam":true,"resource":"arn:@"}],"deleted":[{"user":"@"}],
		"unlocked":[{"user":"@","reason":"@"}],"spared":[{"user":"@","at":"2026-10-30T11:12:13Z","instance":"@","kind":"@"}],
		"upcoming":[{"user":"@","idleDays":84,"lockInDays":6}],"held":{"reason":"51 roles, @","users":["@"]},"notManaged":[{"user":"@","reason":"@"}],
		"readyToDelete":[{"user":"@","idleDays":203,"owns":[{"database":"@","objects":2},{"database":"","objects":1}],"statements":[]}],
		"failed":[{"user":"@","error":"@","fix":"@"}],"unwritten":["page.html was not written: @"],"notImported":["@"],
		"iam":{"access":[{"user":"@","principals":[{"arn":"@","policy":"@","statement":"@","conditions":["@"]}]}],"orphans":[{"principal":"@","policy":"@","resource":"@","why":"@"}],
			"unreachable":["@"],"broad":[]}}`,
	"revoke": `{"ended":[{"instance":"@","user":"@","sessions":3}],"steps":["locked @"]}`,
	"list":   `{"secrets":[{"secretId":"@","sweep":true},{"secretId":"b","sweep":false}],"overdue":[{"secretId":"b","since":"2026-11-22T02:55:00Z","why":"@"}],"faults":[{"subject":"@","error":"@"}]}`,
	"rotate": `{"secretId":"@","version":"@"}`,
}

// names are those that an answer may bring.
var names = []string{"app_a", "\x1b[2J\x1b[31mok", "a\r\n  ok  login", "admin\u202egnp.exe", "\u200b\u2028\ufeff", strings.Repeat("田", 63), strings.Repeat("long name ", 30), ""}

func show(t *testing.T, name, answer string) string {
	t.Helper()
	read, err := command.Read(name, []byte(answer))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var text strings.Builder
	read.Show(terminal.NewPage(&text, false, func() { t.Error("a line was not written") }))
	return text.String()
}

// Whoever a database or AWS names, each line of an answer fits a terminal, and none has anything in it that the terminal obeys.
func TestAnswersAreSafeAndFit(t *testing.T) {
	t.Parallel()
	for name, answer := range answers {
		for _, stranger := range names {
			quoted, err := json.Marshal(stranger)
			if err != nil {
				t.Fatal(err)
			}
			text := show(t, name, strings.ReplaceAll(answer, "@", strings.Trim(string(quoted), `"`)))
			for line := range strings.Lines(text) {
				if line = strings.TrimSuffix(line, "\n"); terminal.Columns(line) > terminal.Width || terminal.Safe(line) != line {
					t.Errorf("%s shows %q, of %d columns", name, line, terminal.Columns(line))
				}
			}
		}
	}
}

// A person is told all that an answer says.
func TestAnswersAreToldWhole(t *testing.T) {
	t.Parallel()
	counter := regexp.MustCompile("@")
	for name, answer := range answers {
		if name == "rotate" || name == "sweep" { // their secretId is in the title
			answer = strings.Replace(answer, `"secretId":"@"`, `"secretId":""`, 1)
		}
		n := 0
		numbered := counter.ReplaceAllStringFunc(answer, func(string) string { n++; return "N" + string(rune('a'+n/26)) + string(rune('a'+n%26)) })
		text := show(t, name, numbered)
		for _, word := range regexp.MustCompile(`N[a-z]{2}\b`).FindAllString(numbered, -1) {
			if !strings.Contains(text, word) {
				t.Errorf("%s does not tell %s of %s:\n%s", name, word, numbered, text)
			}
		}
	}
}

func TestCheckIsShown(t *testing.T) {
	t.Parallel()
	want := `  ok     secret  user app
  FAILS  way     no way to set app
         > GRANT app TO app

  1 of 2 checks fail.
`
	if got := show(t, "check", strings.ReplaceAll(answers["check"], "@", "app")); got != want {
		t.Errorf("check is shown as\n%s\nwant\n%s", got, want)
	}
}

// A script keeps its lines, however long: in the next one the rest of a comment would be a statement.
func TestScriptsAreNotWrapped(t *testing.T) {
	t.Parallel()
	comment := `-- Drops role \"` + strings.Repeat("a ", 60) + `DROP TABLE orders\": a psql script.`
	text := show(t, "sweep", `{"evidence":{"complete":true},"readyToDelete":[{"user":"a","owns":[],"statements":["`+comment+`\nDROP ROLE a;"]}]}`)
	if !strings.Contains(text, "\n"+strings.ReplaceAll(comment, `\"`, `"`)+"\nDROP ROLE a;\n") {
		t.Errorf("the script is shown as\n%s", text)
	}
}

// All is well only where nothing is left to do.
func TestWell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		well         bool
	}{
		{"check", `{"ok":true,"checks":[{"name":"a","ok":true}]}`, true},
		{"check", answers["check"], false},
		{"setup", `{"changed":[]}`, true},
		{"setup", answers["setup"], false},
		{"sweep", `{"evidence":{"complete":true},"locked":[{"user":"a"}]}`, true},
		{"sweep", `{"evidence":{"complete":false}}`, false},
		{"sweep", `{"evidence":{"complete":true},"failed":[{"user":"a"}]}`, false},
		{"sweep", `{"evidence":{"complete":true},"held":{"users":["a"]}}`, false},
		{"sweep", `{"evidence":{"complete":true},"unwritten":["page.html was not written: no."]}`, false},
		{"sweep", `{"evidence":{"complete":true},"notImported":["2 of 2 findings were not imported: no."]}`, false},
		{"revoke", answers["revoke"], true},
		{"revoke", `{"steps":["locked a"],"unseen":["Only the writer was looked at."]}`, false},
		{"list", `{"secrets":[],"overdue":[]}`, true},
		{"list", answers["list"], false},
		{"list", `{"secrets":[],"faults":[{"subject":"account 1"}]}`, false},
	} {
		read, err := command.Read(c.name, []byte(c.answer))
		if err != nil || read.Well() != c.well {
			t.Errorf("%s, %s: well %v, error %v", c.name, c.answer, read != nil && read.Well(), err)
		}
	}
}

// An answer of something else is never taken for one with nothing in it.
func TestWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name := range answers {
		for _, text := range []string{``, `null`, `{}`, `[]`, `"ok"`, `{"checks":null,"changed":null,"evidence":null,"steps":null,"secrets":null,"version":null}`,
			`{"checks":7,"changed":7,"evidence":7,"steps":7,"secrets":7,"version":7}`, `<html>`} {
			if read, err := command.Read(name, []byte(text)); err == nil {
				t.Errorf("%s takes %q for %+v", name, text, read)
			}
		}
	}
}

// JSON for programs goes to a terminal too. Nothing is lost by what is escaped.
func TestJSONIsSafeAndWhole(t *testing.T) {
	t.Parallel()
	for _, name := range append(names, "\U000e0041", "Jörg", "\u0085") {
		answer, err := json.Marshal(map[string]string{"user": name})
		if err != nil {
			t.Fatal(err)
		}
		line := command.JSON([]byte(strings.Replace(string(answer), ":", " :\n ", 1)))
		var back map[string]string
		if err := json.Unmarshal([]byte(line), &back); err != nil || back["user"] != name || terminal.Safe(line) != line {
			t.Errorf("%q becomes %q, which is read as %q, error %v", name, line, back["user"], err)
		}
	}
}

// Usage has a line for each command, and fits.
func TestUsage(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	command.Usage(terminal.NewPage(&text, false, func() {}))
	for line := range strings.Lines(text.String()) {
		if terminal.Columns(line)-1 > terminal.Width {
			t.Errorf("%d columns: %s", terminal.Columns(line)-1, line)
		}
	}
	for _, name := range []string{"check", "setup", "rotate", "sweep", "revoke", "list"} {
		if !regexp.MustCompile(`(?m)^  ` + name + ` .*\w`).MatchString(text.String()) {
			t.Errorf("usage has no line for %s", name)
		}
	}
	if page, err := os.ReadFile("README.md"); err != nil || !strings.Contains(string(page), text.String()) {
		t.Errorf("README.md does not show, error %v:\n%s", err, text.String())
	}
}
