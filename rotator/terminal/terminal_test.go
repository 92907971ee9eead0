package terminal_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"pgrotator/rotator/terminal"
)

// hostile are names that somebody may give a role, and what a reader sees.
var hostile = map[string]string{
	"app":                          "app",
	"Jörg Müller":                  "Jörg Müller",
	"анна":                         "анна",
	"田中":                           "田中",
	"\x1b[2J\x1b]0;title\x07":      `\x1b[2J\x1b]0;title\a`,
	"\x1b]52;c;cm0gLXJmIH4=\x1b\\": `\x1b]52;c;cm0gLXJmIH4=\x1b\`,
	"\u009b31mred":                 `\u009b31mred`,
	"a\rok":                        `a\rok`,
	"a\n  ok      login":           `a\n  ok      login`,
	"a\bb\x7f":                     `a\bb\x7f`,
	"admin\u202etxt.exe":           `admin\u202etxt.exe`,
	"\u2066a\u2069":                `\u2066a\u2069`,
	"zero\u200bwidth\ufeff":        `zero\u200bwidth\ufeff`,
	"no\u00a0break":                `no\u00a0break`,
	"line\u2028break":              `line\u2028break`,
	"hangul\u3164filler":           `hangul\u3164filler`,
	"private\ue000":                `private\ue000`,
	"\xff\xfeapp":                  `\xff\xfeapp`,
	"tag\U000e0041":                `tag\U000e0041`,
}

func TestSafe(t *testing.T) {
	t.Parallel()
	for name, want := range hostile {
		if got := terminal.Safe(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "app": 3, "Jörg": 4, "Jo\u0308rg": 4, "田中": 4, "한국": 4, "ＡＢ": 4, "🐘": 2, "ー": 2, "العربية": 7} {
		if got := terminal.Columns(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

// write is what a page holds, in lines.
func write(t *testing.T, colour bool, fill func(*terminal.Page)) []string {
	t.Helper()
	var text strings.Builder
	fill(terminal.NewPage(&text, colour, func() { t.Error("a line was not written") }))
	return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
}

// texts are what a table is made of: long and short, of one word and of many.
func texts() []string {
	list := []string{"", "a", strings.Repeat("word ", 40), strings.Repeat("long", 60), strings.Repeat("田", 63), "arn:aws:secretsmanager:us-gov-west-1:123456789012:secret:" + strings.Repeat("team/", 20) + "app-AbCdEf"}
	for name := range hostile {
		list = append(list, name, strings.Repeat(name+" ", 9))
	}
	return list
}

// Whatever stands in it, each line fits the page, and none has a character that a terminal obeys.
func TestEveryLineFits(t *testing.T) {
	t.Parallel()
	all := texts()
	for n, text := range all {
		other, third := all[(n*7+1)%len(all)], all[(n*3+2)%len(all)]
		lines := write(t, false, func(p *terminal.Page) {
			p.Title(text)
			p.Say(text)
			p.Hang(terminal.Red, "    mark  ", text)
			p.Table([]string{"USER", "WHEN", "WHY"}, []terminal.Row{{Cells: []string{text, other, third}, Note: text}, {Cells: []string{other, text, text}}})
		})
		for _, line := range lines {
			if terminal.Columns(line) > terminal.Width || terminal.Safe(line) != line || !utf8.ValidString(line) {
				t.Errorf("%d columns: %q", terminal.Columns(line), line)
			}
		}
	}
}

func TestWrapLosesNothing(t *testing.T) {
	t.Parallel()
	for _, text := range texts() {
		for _, columns := range []int{2, 7, 40, 80} {
			got := strings.Join(terminal.Wrap(text, columns), "")
			if want := terminal.Safe(strings.ReplaceAll(text, "\n", " ")); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
				t.Errorf("%q in %d columns is %q", text, columns, got)
			}
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	got := write(t, false, func(p *terminal.Page) {
		p.Table([]string{"USER", "IDLE"}, []terminal.Row{{Cells: []string{"jane", "3 days"}}, {Cells: []string{"田中", "100 days"}, Note: "tell her"}, {Cells: []string{"a\nb", ""}}})
	})
	want := []string{"  USER  IDLE", "  jane  3 days", "  田中  100 days", "        > tell her", `  a\nb`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the table is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What is to be pasted means the same when it is: the rest of a comment would be a statement in the next line, and a name or a text
// would be another.
func TestPaste(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a ", 50)
	for text, want := range map[string]string{
		"DROP ROLE \"\x1b[2J\";": `DROP ROLE "\x1b[2J";`,
		`-- Drops "` + long + `DROP TABLE orders".` + "\nDROP ROLE a;": `-- Drops "` + long + `DROP TABLE orders".` + "\nDROP ROLE a;",
		`GRANT "` + long + `" TO app, app_a, app_b, app_c;`:            `GRANT` + "\n  " + `"` + long + `"` + "\n  TO app, app_a, app_b, app_c;",
		`COMMENT ON ROLE a IS '` + long + `"'; -- why`:                 `COMMENT ON ROLE a IS '` + long + `"'; -- why`,
		`COMMENT ON ROLE a IS E'\'` + long + `\'';`:                    `COMMENT ON ROLE a IS E'\'` + long + `\'';`,
		`COMMENT ON ROLE a IS '` + long:                                `COMMENT ON ROLE a IS '` + long,
		"aws secretsmanager update-secret-version-stage --secret-id shop/app --version-stage AWSPENDING --remove-from-version-id 1": "aws secretsmanager update-secret-version-stage --secret-id shop/app \\\n" +
			"  --version-stage AWSPENDING --remove-from-version-id 1",
		"aws rds modify-db-cluster --db-cluster-identifier 'my orders' --cloudwatch-logs-export-configuration '{\"EnableLogTypes\": [\"postgresql\"]}'": "aws rds modify-db-cluster --db-cluster-identifier 'my orders' \\\n" +
			"  --cloudwatch-logs-export-configuration '{\"EnableLogTypes\": [\"postgresql\"]}'",
	} {
		if got := strings.Join(write(t, false, func(p *terminal.Page) { p.Paste(text) }), "\n"); got != want {
			t.Errorf("%q is shown as\n%s\nwant\n%s", text, got, want)
		}
	}
}

// A note is said, but for what is to be pasted, which follows its first line.
func TestNotes(t *testing.T) {
	t.Parallel()
	for note, want := range map[string]string{
		"":                             "  a",
		"Run setup.":                   "  a\n     > Run setup.",
		"As the master:\nDROP ROLE b;": "  a\n     > As the master:\nDROP ROLE b;",
	} {
		got := write(t, false, func(p *terminal.Page) { p.Table(nil, []terminal.Row{{Cells: []string{"a"}, Note: note}}) })
		if strings.Join(got, "\n") != want {
			t.Errorf("%q is shown as %q", note, got)
		}
	}
}

func TestColour(t *testing.T) {
	t.Parallel()
	for colour, want := range map[bool]string{true: "\x1b[31m  fails  \x1b[0mwhy", false: "  fails  why"} {
		if got := write(t, colour, func(p *terminal.Page) { p.Hang(terminal.Red, "  fails  ", "why") }); got[0] != want {
			t.Errorf("with colour %t: %q", colour, got[0])
		}
	}
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if terminal.Colour(file) {
		t.Error("a file is coloured")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

var _ io.Writer = full{}

func TestUnwrittenLineIsTold(t *testing.T) {
	t.Parallel()
	told := 0
	terminal.NewPage(full{}, false, func() { told++ }).Line("text")
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
