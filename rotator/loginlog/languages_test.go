package loginlog_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"pgrotator/rotator/loginlog"
)

// The same sessions, refusals, reloads and changed settings, logged in several languages, verbosities and under both prefixes
// by a real server, are judged alike.
func TestLanguages(t *testing.T) {
	t.Parallel()
	f, err := os.Open(filepath.Join(casesDir, "pg15.languages.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := loginlog.New([]string{"alice", "locked", "repl", "postgres"}, []string{"app", "postgres"})
	var first map[string]int
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var log struct{ Language, Verbosity, Raw string }
		if err := json.Unmarshal(lines.Bytes(), &log); err != nil {
			t.Fatal(err)
		}
		got := countKinds(p, wholeEntries(log.Raw))
		if first == nil {
			first = got
			requireCounts(t, got)
		}
		if !maps.Equal(got, first) {
			t.Errorf("%s, %s:\n%v\nwant\n%v", log.Language, log.Verbosity, got, first)
		}
	}
	if err := lines.Err(); err != nil || first == nil {
		t.Fatalf("reading the logs: %v", err)
	}
}

// countKinds counts what entries show, by all that does not change from run to run.
func countKinds(p *loginlog.Parser, entries []string) map[string]int {
	counts := map[string]int{}
	for _, entry := range entries {
		e, kind := p.Parse(entry)
		if kind == loginlog.Detail || e.Entry == "LOCATION" {
			continue // One more per entry where the log is verbose.
		}
		counts[fmt.Sprintf("%v %q@%q %s %d %s=%s", kind, e.User, e.Database, e.Entry, e.Server, e.Parameter, e.Value)]++
	}
	return counts
}

func requireCounts(t *testing.T, got map[string]int) {
	t.Helper()
	for what, want := range map[string]int{
		`login "alice"@"app" login 0 =`:                               5,
		`login "alice"@"gone" login 0 =`:                              1,
		`login "locked"@"app" login 0 =`:                              1,
		`login "repl"@"" login for replication 0 =`:                   1,
		`login "repl"@"app" login for replication 0 =`:                1,
		`disconnection "repl"@"" disconnection 0 =`:                   1,
		`refusal "locked"@"app" FATAL 0 =`:                            1,
		`refusal "alice"@"app" FATAL 0 =`:                             2,
		`refusal "alice"@"gone" FATAL 0 =`:                            1,
		`sign of life "alice"@"app" ERROR 0 =`:                        2,
		`sign of life "alice"@"app" WARNING 0 =`:                      1,
		`sign of life "alice"@"app" LOG 0 =`:                          1,
		`server ""@"" LOG ` + number(loginlog.ReloadRequested) + ` =`: 2,
		`server ""@"" LOG ` + number(loginlog.ShutDown) + ` =`:        1,
		changed("log_connections", "off"):                             1,
		changed("work_mem", "8MB"):                                    1,
	} {
		if got[what] != want {
			t.Errorf("%d of %s, want %d, among %v", got[what], what, want, got)
		}
	}
}

func number(s loginlog.ServerEntry) string { return fmt.Sprint(int(s)) }

func changed(parameter, value string) string {
	return fmt.Sprintf(`server ""@"" LOG %d %s=%s`, loginlog.ParameterChanged, parameter, value)
}
