package loginlog_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/loginlog"
)

const casesDir = "../../testdata/loglines"

// logCase is the log that one real connection (or a few) left, and who was logged in by it.
type logCase struct {
	Version int          `json:"version"`
	Name    string       `json:"case"`
	Genuine [][2]*string `json:"genuine"` // user and database; null where there is no database
	Raw     string       `json:"raw"`

	file string
}

// login is a comparable summary of an event.
type login struct{ user, database string }

func (c logCase) genuine() map[login]bool {
	logins := map[login]bool{}
	for _, pair := range c.Genuine {
		var l login
		if pair[0] != nil {
			l.user = *pair[0]
		}
		if pair[1] != nil {
			l.database = *pair[1]
		}
		logins[l] = true
	}
	return logins
}

func readCases(t testing.TB) []logCase {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(casesDir, "*.cases.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files in %s (%v)", casesDir, err)
	}
	var cases []logCase
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			c := logCase{file: strings.TrimSuffix(filepath.Base(file), ".cases.jsonl")}
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			cases = append(cases, c)
		}
		if err := lines.Err(); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return cases
}

// The clusters of the cases had these, besides the ones that logged in.
var (
	otherRoles     = []string{"alice", "al", "locked", "locked_nologin", "limited", "locked_limit0", "noconn", "other", "rejected", "repl", "jane@corp"}
	otherDatabases = []string{"postgres", "template1", "app", "full", "closed", "broken", "d@e"}
)

// newParser knows every name that logs in in any case, so that a case is not judged right only because a name that
// another case has is missing.
func newParser(cases []logCase, roles, databases []string) *loginlog.Parser {
	roles, databases = append(roles, otherRoles...), append(databases, otherDatabases...)
	for _, c := range cases {
		for l := range c.genuine() {
			roles = append(roles, l.user)
			if l.database != "" {
				databases = append(databases, l.database)
			}
		}
	}
	return loginlog.New(roles, databases)
}

var entryStart = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})? UTC:(127\.0\.0\.1\(\d\d+\)|::1\(\d\d+\)|\[local\]|:@):`)

// wholeEntries cuts a log as PostgreSQL wrote it, where an entry's real address tells it from a forged one.
func wholeEntries(raw string) []string {
	var events []string
	starts := entryStart.FindAllStringIndex(raw, -1)
	for i, s := range starts {
		end := len(raw)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		events = append(events, strings.TrimSuffix(raw[s[0]:end], "\n"))
	}
	return events
}

var timestamp = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

// everyTimestamp cuts a log as a publisher does that knows nothing but the timestamp: also before a forged one.
func everyTimestamp(raw string) []string {
	var events []string
	starts := timestamp.FindAllStringIndex(raw, -1)
	for i, s := range starts {
		end := len(raw)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		events = append(events, strings.TrimSuffix(raw[s[0]:end], "\n"))
	}
	return events
}

func everyLine(raw string) []string {
	return strings.Split(strings.TrimSuffix(raw, "\n"), "\n")
}

// A forged timestamp cuts a stranger's entry; names without a timestamp in them stay whole.
func TestEveryTimestampOfEveryCase(t *testing.T) {
	t.Parallel()
	cases := readCases(t)
	p := newParser(cases, []string{"victim", "ghost"}, []string{"d"})
	for _, c := range cases {
		got, want := judge(p, everyTimestamp(c.Raw)), c.genuine()
		if !subset(got.proven, want) || !subset(want, got.logins) {
			t.Errorf("%s %s: logins %v, proven %v, want %v", c.file, c.Name, got.logins, got.proven, want)
		}
		if !equal(got.logins, want) && c.Name != "stranger_at_in_role_newline_tail" {
			t.Errorf("%s %s: logins %v, want %v", c.file, c.Name, got.logins, want)
		}
	}
}

// judged is what a sweep learns from a case: a login counts unless a refusal of its session follows.
type judged struct {
	logins    map[login]bool // that count
	proven    map[login]bool // that count and are not forgeable
	kinds     map[loginlog.Kind]int
	tampering []string
}

func judge(p *loginlog.Parser, events []string) judged {
	type attempt struct {
		login
		proven bool
	}
	attempts := map[loginlog.Session][]attempt{}
	j := judged{logins: map[login]bool{}, proven: map[login]bool{}, kinds: map[loginlog.Kind]int{}}
	for _, text := range events {
		event, kind := p.Parse(text)
		j.kinds[kind]++
		switch kind {
		case loginlog.Login:
			attempts[event.Session] = append(attempts[event.Session], attempt{login{event.User, event.Database}, !event.Forgeable})
		case loginlog.Refusal:
			delete(attempts, event.Session)
		case loginlog.Tampering:
			j.tampering = append(j.tampering, text)
		}
	}
	for _, session := range attempts {
		for _, a := range session {
			j.logins[a.login] = true
			if a.proven {
				j.proven[a.login] = true
			}
		}
	}
	return j
}

func equal(a, b map[login]bool) bool {
	return len(a) == len(b) && subset(a, b)
}

func subset(a, b map[login]bool) bool {
	for l := range a {
		if !b[l] {
			return false
		}
	}
	return true
}

func TestWholeEntriesOfEveryCase(t *testing.T) {
	t.Parallel()
	cases := readCases(t)
	parsers := map[string]*loginlog.Parser{
		"the cluster's names":    newParser(cases, nil, nil),
		"strangers' names exist": newParser(cases, []string{"victim", "ghost"}, []string{"d"}),
	}
	for _, c := range cases {
		for catalogue, p := range parsers {
			got := judge(p, wholeEntries(c.Raw))
			if !equal(got.logins, c.genuine()) {
				t.Errorf("%s %s (%s): logins %v, want %v", c.file, c.Name, catalogue, got.logins, c.genuine())
			}
		}
	}
}

// Where names hold newlines, a publisher that cuts there loses the entry; it must be told, and nobody else credited.
func TestEveryLineOfEveryCase(t *testing.T) {
	t.Parallel()
	cases := readCases(t)
	p := newParser(cases, []string{"victim", "ghost"}, []string{"d"})
	for _, c := range cases {
		got, want := judge(p, everyLine(c.Raw)), c.genuine()
		if !subset(got.proven, want) {
			t.Errorf("%s %s: proven %v, want only %v", c.file, c.Name, got.proven, want)
		}
		// Names with an @ leave a stranger room to give the rest of the entry a timestamp and an address too.
		if !equal(got.logins, want) && len(got.tampering) == 0 && c.Name != "stranger_at_in_role_newline_tail" {
			t.Errorf("%s %s: logins %v, want %v or a tampering line", c.file, c.Name, got.logins, want)
		}
		cutNames := slices.ContainsFunc(c.Genuine, func(pair [2]*string) bool {
			return pair[0] != nil && strings.Contains(*pair[0], "\n") || pair[1] != nil && strings.Contains(*pair[1], "\n")
		})
		if !cutNames && !subset(want, got.logins) {
			t.Errorf("%s %s: logins %v, want %v among them", c.file, c.Name, got.logins, want)
		}
	}
}

// Honest connections must not raise alarms; forgeries of the prefix must.
func TestTamperingOfEveryCase(t *testing.T) {
	t.Parallel()
	cases := readCases(t)
	p := newParser(cases, nil, nil)
	for _, c := range cases {
		got := judge(p, wholeEntries(c.Raw)).tampering
		if strings.HasSuffix(c.Name, "_reads_as_mark") {
			got = slices.DeleteFunc(got, func(entry string) bool { return !strings.Contains(entry, "connection authorized") })
		}
		honest := strings.HasPrefix(c.Name, "ok_") && c.Name != "ok_set_session_authorization" ||
			strings.HasPrefix(c.Name, "fail_") || strings.HasPrefix(c.Name, "refused_") || strings.HasPrefix(c.Name, "background_")
		forged := strings.HasPrefix(c.Name, "unauth_db_forge") || strings.HasPrefix(c.Name, "unauth_user_newline") ||
			strings.HasPrefix(c.Name, "stranger_at_") || strings.HasPrefix(c.Name, "stranger_forges_")
		if honest && len(got) > 0 {
			t.Errorf("%s %s: tampering %q", c.file, c.Name, got)
		}
		if forged && len(got) == 0 {
			t.Errorf("%s %s: nothing tampering", c.file, c.Name)
		}
	}
}

// Every attempt that reached "connection authorized" and was then turned away has its refusal, and ended sessions keep
// their login.
func TestRefusalsAndEndsOfEveryCase(t *testing.T) {
	t.Parallel()
	cases := readCases(t)
	p := newParser(cases, nil, nil)
	for _, c := range cases {
		got := judge(p, wholeEntries(c.Raw))
		authorized := got.kinds[loginlog.Login]
		if len(c.Genuine) == 0 && got.kinds[loginlog.Refusal] < authorized {
			t.Errorf("%s %s: %d authorized, %d refused", c.file, c.Name, authorized, got.kinds[loginlog.Refusal])
		}
		if ends := strings.Count(c.Raw, "LOG:  disconnection: session time: ") - strings.Count(c.Raw, "raise log 'disconnection"); !strings.HasPrefix(c.Name, "forge_disconnection") && got.kinds[loginlog.Disconnection] != ends {
			t.Errorf("%s %s: %d disconnections, want %d", c.file, c.Name, got.kinds[loginlog.Disconnection], ends)
		}
	}
}

// Nothing that a real server wrote is left unread, whatever names its clients had.
func TestNoEntryOfAnyCaseIsUnknown(t *testing.T) {
	t.Parallel()
	cases := readCases(t)
	p := newParser(cases, nil, nil)
	for _, c := range cases {
		for _, entry := range wholeEntries(c.Raw) {
			if e, kind := p.Parse(entry); kind == loginlog.Unknown || kind == loginlog.Unread || !e.Prefixed {
				t.Errorf("%s %s: %v (%s): %s", c.file, c.Name, kind, e.Shape, entry)
			}
		}
	}
}
