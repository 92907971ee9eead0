package logread_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/logread"
)

var entryStart = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})? UTC:(127\.0\.0\.1\(\d\d+\)|::1\(\d\d+\)|\[local\]|:@):`)

var digits = regexp.MustCompile(`\d+`)

// logged are the logs of the cases that real servers wrote.
func logged(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/loglines/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	var logs []string
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var c struct{ Raw string }
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			logs = append(logs, c.Raw)
		}
	}
	return logs
}

// messages are what servers wrote, as whole entries and cut at newlines, and what they might write. Of those that differ in numbers
// only there is one.
func messages(t *testing.T) []string {
	var all []string
	for _, raw := range logged(t) {
		starts := append(entryStart.FindAllStringIndex(raw, -1), []int{len(raw), 0})
		for i, s := range starts[:len(starts)-1] {
			entry := raw[s[0]:starts[i+1][0]]
			all = append(all, entry, strings.Replace(entry, "LOG:  ", "LOG:  00000: ", 1), strings.Replace(entry, "LOG:  ", "PROTOKOLL:  ", 1))
		}
		all = append(all, strings.Split(raw, "\n")...)
	}
	for _, names := range strangersNames {
		all = append(all, strangersEntries(names[0], names[1])...)
	}
	for message := range kinds {
		all = append(all, message)
	}
	seen := map[string]bool{"": true} // CloudWatch Logs takes no empty event
	return slices.DeleteFunc(all, func(message string) bool {
		shape := digits.ReplaceAllString(message, "0")
		defer func() { seen[shape] = true }()
		return seen[shape]
	})
}

// writeAll stores the messages a second after another, in two streams that arrive at their own pace.
func (s scene) writeAll(messages []string) time.Duration {
	for i, message := range messages {
		at := begin.Add(time.Duration(i)*time.Second + time.Duration(i%7)*time.Millisecond)
		stream := []string{"orders-1.0", "orders-2.0"}[i%2]
		s.AppendLog(groupName, stream, localaws.Event{Time: at, Message: message, Ingested: at.Add(time.Duration(i%100) * time.Second)})
	}
	return time.Duration(len(messages)+1) * time.Second
}

// Whole events, divided into rows here, and Logs Insights' own rows are the same.
func TestBothReadersGiveTheSameRows(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it has no second goroutine, and takes the race detector long")
	}
	s := newScene(t, localaws.LogGroup{})
	all := messages(t)
	length := s.writeAll(all)
	whole, rows := s.read(t, logread.FilterLogEvents, length), s.read(t, logread.LogsInsights, length)
	s.checkQueries(t)
	if len(rows.events) > 0 || len(whole.events) < 1000 {
		t.Fatalf("%d events through Logs Insights, %d through FilterLogEvents", len(rows.events), len(whole.events))
	}
	compare(t, byKind(rows.Rows()), byKind(whole.Rows()))
	classes := map[logread.Class]bool{}
	for _, r := range rows.Rows() {
		classes[r.Class] = true
	}
	if len(classes) != int(logread.Unstamped)+1 {
		t.Errorf("only the classes %v were met", classes)
	}
}

// What a policy masks is read as it was written, by both.
func TestBothReadersUnmask(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{Protection: localaws.DataProtection{Status: "ACTIVATED",
		Sensitive: []*regexp.Regexp{regexp.MustCompile(`[a-z]+@corp\.example`)}}})
	s.write("a.0", begin.Add(time.Minute), strings.ReplaceAll(plain, "alice", "jane@corp.example")+"LOG:  connection authorized: user=jane@corp.example database=app")
	whole, rows := s.read(t, logread.FilterLogEvents, time.Hour), s.read(t, logread.LogsInsights, time.Hour)
	want := logread.Kind{Stream: "a.0", Class: logread.Login, Names: "jane@corp.example@app", Severity: "LOG"}
	if _, ok := byKind(rows.Rows())[want]; !ok {
		t.Errorf("rows are %+v, want %+v", rows.Rows(), want)
	}
	compare(t, byKind(rows.Rows()), byKind(whole.Rows()))
}

func compare(t *testing.T, rows, whole map[logread.Kind]logread.Row) {
	t.Helper()
	for k, r := range rows {
		if whole[k] != r {
			t.Errorf("Logs Insights: %+v\nwhole events: %+v", r, whole[k])
		}
	}
	for k := range maps.Keys(whole) {
		if _, ok := rows[k]; !ok {
			t.Errorf("only whole events make %+v", whole[k])
		}
	}
}

// checkQueries fails where a query met what the documentation leaves open.
func (s scene) checkQueries(t *testing.T) {
	t.Helper()
	for _, q := range s.LogQueries() {
		if q.Fault != "" {
			t.Errorf("query of %s to %s: %s", q.From, q.To, q.Fault)
		}
	}
}

func TestQueryIsConstantAsciiAndShortEnough(t *testing.T) {
	t.Parallel()
	for _, protected := range []bool{false, true} {
		text := logread.Query(protected)
		if len(text) > 10_000 {
			t.Errorf("the query has %d characters, 10,000 are allowed", len(text))
		}
		for i := range len(text) {
			if text[i] > '~' {
				t.Fatalf("the query is not ASCII at %d", i)
			}
		}
		if n := strings.Count(text, "| stats "); n != 1 {
			t.Errorf("%d stats commands", n)
		}
		if strings.Contains(text, "unmask") != protected {
			t.Errorf("protected %v: %s", protected, text)
		}
	}
}
