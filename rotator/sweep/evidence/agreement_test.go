package evidence_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/loginlog"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// The heads of entries of alice's under both prefixes, plain and verbose.
var heads = []string{
	"2026-11-22 07:43:03 UTC:10.0.0.7(35542):alice@app:[101]:%:  ",
	"2026-11-22 07:43:03 UTC:10.0.0.7(35542):alice@app:[101]:%:  28000: ",
	"2026-11-22 07:43:03.560 UTC:10.0.0.7(35542):alice@app:[101]:4:28000:2026-11-22 07:43:01 UTC:1/1:0:6b02a10b.3134:[unknown]%:  ",
}

// shownByRows are the roles that the rows of an event show active.
func shownByRows(names evidence.Names, message string) map[string]bool {
	tally, second := logread.NewTally(), evidence.NewSecond(names)
	tally.Event(logread.Event{Stream: "db-0.0", At: begun.UnixMilli(), Message: message})
	for _, r := range tally.Rows() {
		second.Row(r)
	}
	shown := map[string]bool{}
	for _, s := range second.End() {
		shown[s.Role] = true
	}
	return shown
}

// textsBeforeLogin are the texts, in English, that whole events are known by as no sign of life.
func textsBeforeLogin(t *testing.T) []string {
	t.Helper()
	known, err := os.ReadFile("../../loginlog/messages.txt")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for line := range strings.Lines(string(known)) {
		switch use, text, _ := strings.Cut(strings.TrimSpace(line), "\t"); use {
		case "attempt", "ambiguous", "lock-wait":
			texts = append(texts, text)
		}
	}
	if len(texts) < 120 {
		t.Fatalf("%d texts", len(texts))
	}
	return texts
}

// filled is a message of a text, with something for each value.
func filled(text string) string {
	return strings.NewReplacer("of %s on %s", "ShareLock on relation 1260 of database 0", "for %s on %s", "for ShareLock on relation 1260 of database 0",
		"acquired %s on %s", "acquired ShareLock on relation 1260 of database 0", "acquire %s on %s", "acquire ShareLock on relation 1260 of database 0",
		"%ld.%03d", "1000.060", "%ld", "12", "%d", "12", "%u", "12", "%zu", "12", "%m", "No such file", "%s", "a b").Replace(text)
}

// others are messages near a known one: words put on, or changed as far as its first value, by which rows know a text that has values.
func others(text string) []string {
	beginning, _, _ := strings.Cut(text, "%")
	words := strings.Split(strings.TrimRight(beginning, `" (`), " ")
	list := []string{"zzz " + text, text + " zzz"}
	for i := range words {
		first := strings.Join(words[:i], " ")
		list = append(list, first+" zzz 4", first+" zzz "+strings.Join(words[i+1:], " ")+text[len(beginning):])
	}
	if text == beginning {
		return list
	}
	return slices.Delete(list, 1, 2)
}

// Rows are no stricter than events: what is a sign of life by whole events is one by rows. And what a stranger can have written is none.
func TestRowsAreNoStricterThanEvents(t *testing.T) {
	t.Parallel()
	names := evidence.Names{Roles: []string{"alice"}, Databases: []string{"app"}}
	parser := loginlog.New(names.Roles, names.Databases)
	signs := 0
	for _, text := range textsBeforeLogin(t) {
		for _, severity := range []string{"LOG", "WARNING"} {
			for _, head := range heads {
				entry := strings.Replace(head, "%", severity, 1) + filled(text)
				if _, kind := parser.Parse(entry); kind == loginlog.Sign || shownByRows(names, entry)["alice"] {
					t.Errorf("rows or events (%v) take it for a sign of life: %s", kind, entry)
				}
			}
		}
		for _, other := range others(text) {
			entry := strings.Replace(heads[0], "%", "LOG", 1) + filled(other)
			if _, kind := parser.Parse(entry); kind != loginlog.Sign {
				continue
			}
			if signs++; !shownByRows(names, entry)["alice"] {
				t.Errorf("a sign of life by events, nobody's by rows: %s", entry)
			}
		}
	}
	if signs < 1000 {
		t.Errorf("%d signs", signs)
	}
}
