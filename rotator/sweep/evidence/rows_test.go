package evidence_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// Of a locked role the rows of a stretch show as many refusals as attempts: a login before the lock that comes late is found all the same,
// by the time of the first.
func TestRowsOfALockedRole(t *testing.T) {
	t.Parallel()
	locked := time.Date(2026, 11, 22, 7, 43, 3, 500_000_000, time.UTC)
	for name, c := range map[string]struct {
		first time.Time
		shown bool
	}{
		"a login before the lock":              {locked.Add(-time.Minute), true},
		"an attempt in the second of the lock": {locked.Truncate(time.Second), true},
		"an attempt after the lock":            {locked.Add(time.Minute), false},
	} {
		log := evidence.NewLog(locked.Add(day), evidence.Names{Roles: []string{"jane"}, Databases: []string{"app"}, Locked: map[string]time.Time{"jane": locked}})
		last := locked.Add(time.Hour).UnixMilli()
		log.Row(logread.Row{Kind: logread.Kind{Stream: "db-0.0", Class: logread.Login, Names: "jane@app"}, Count: 2, Earliest: c.first.UnixMilli(), Latest: last})
		log.Row(logread.Row{Kind: logread.Kind{Stream: "db-0.0", Class: logread.Refusal, Names: "jane@app"}, Count: 2, Earliest: last, Latest: last})
		log.ReadTo(locked.Add(day))
		log.End()
		if seen := log.Take(); (len(seen) == 1) != c.shown || c.shown && !seen[0].At.Equal(c.first) {
			t.Errorf("%s: %+v", name, seen)
		}
	}
}

// What a role's own connections and strangers write in a stretch, a process each: rows tell whether all of the role's attempts were turned
// away. The second reading asks that of a role that may log in, the first, by rows, of a locked one.
func TestRowsOfAttempts(t *testing.T) {
	t.Parallel()
	const authorized, turnedAway = `LOG:  connection authorized: user=jane database=app`, `FATAL:  too many connections for role "jane"`
	for name, c := range map[string]struct {
		entries []string // "pid entry"
		shown   bool
	}{
		"a login":                      {[]string{"1 " + authorized}, true},
		"an attempt that is refused":   {[]string{"1 " + authorized, "1 " + turnedAway}, false},
		"several in any order":         {[]string{"1 " + authorized, "2 " + authorized, "2 " + turnedAway, "1 " + turnedAway}, false},
		"refused, and let in":          {[]string{"1 " + authorized, "1 " + turnedAway, "2 " + authorized}, true},
		"refused before the stretch":   {[]string{"1 " + turnedAway, "2 " + authorized}, true},
		"refusals alone":               {[]string{"1 " + turnedAway, "2 " + turnedAway}, false},
		"a refusal is delivered twice": {[]string{"1 " + authorized, "1 " + turnedAway, "1 " + turnedAway, "2 " + authorized}, true},
		"no slot for a stranger": {[]string{"1 " + authorized, "2 FATAL:  sorry, too many clients already",
			"1 FATAL:  53300: number of requested standby connections exceeds max_wal_senders (currently 10)"}, true},
		"a stranger at a server that starts": {[]string{"1 " + authorized, "2 FATAL:  the database system is starting up", "3 FATAL:  57P03: the database system is in recovery mode"}, true},
		"a stranger, and refused":            {[]string{"1 " + authorized, "1 " + turnedAway, "2 FATAL:  sorry, too many clients already"}, false},
		"refused in words not known":         {[]string{"1 " + authorized, "1 FATAL:  zu viele Verbindungen von Rolle »jane«"}, true},
		"refused in Babelfish": {[]string{"1 LOG:  connection authorized: user=jane, application=A, Tds Version=0x74000004.",
			`1 FATAL:  28000: role "jane" is not permitted to log in`}, false},
	} {
		tally := logread.NewTally()
		for _, e := range c.entries {
			pid, entry, _ := strings.Cut(e, " ")
			tally.Event(logread.Event{Stream: "db-0.0", At: begun.UnixMilli(), Message: "2026-11-22 07:43:03 UTC:10.0.0.7(40312):jane@app:[" + pid + "]:" + entry})
		}
		names := evidence.Names{Roles: []string{"jane"}, Databases: []string{"app"}}
		second := evidence.NewSecond(names)
		names.Locked = map[string]time.Time{"jane": begun.Add(-time.Hour)}
		first := evidence.NewLog(begun.Add(day), names)
		for _, r := range tally.Rows() {
			second.Row(r)
			first.Row(r)
		}
		first.ReadTo(begun.Add(day))
		first.End()
		if found := second.End(); (len(found) == 1) != c.shown {
			t.Errorf("%s: the second reading found %+v", name, found)
		}
		if seen := first.Take(); (len(seen) == 1) != c.shown {
			t.Errorf("%s: of the locked role was seen %+v", name, seen)
		}
	}
}

// Of a locked role that the rows show to have been active before its lock, later attempts do not show that somebody let it in: they may be
// more than the refusals only for what was before.
func TestRowsOfALockThatIsDoubted(t *testing.T) {
	t.Parallel()
	const mark = `2026-11-22 07:43:03 UTC:10.0.0.7(40312):jane@app:[%d]:%s`
	locked := begun.Add(time.Hour)
	tally := logread.NewTally()
	for _, e := range []struct {
		at    time.Time
		pid   int
		entry string
	}{
		{begun, 1, "LOG:  connection authorized: user=jane database=app"},
		{locked.Add(time.Hour), 2, "LOG:  connection authorized: user=jane database=app"},
		{locked.Add(time.Hour), 2, `FATAL:  role "jane" is not permitted to log in`},
	} {
		tally.Event(logread.Event{Stream: "db-0.0", At: e.at.UnixMilli(), Message: fmt.Sprintf(mark, e.pid, e.entry)})
	}
	names := evidence.Names{Roles: []string{"jane"}, Databases: []string{"app"}, Locked: map[string]time.Time{"jane": locked}}
	second, first := evidence.NewSecond(names), evidence.NewLog(locked.Add(day), names)
	for _, r := range tally.Rows() {
		second.Row(r)
		first.Row(r)
	}
	first.ReadTo(locked.Add(day))
	first.End()
	if found := second.End(); len(found) != 1 || !found[0].At.Equal(begun) {
		t.Errorf("the second reading found %+v", found)
	}
	if seen := first.Take(); len(seen) != 1 || !seen[0].At.Equal(begun) {
		t.Errorf("the first saw %+v", seen)
	}
}

// Nor do rows of a later stretch, once the first reading has shown the lock to be wrong.
func TestSecondReadingOfALockThatIsDoubted(t *testing.T) {
	t.Parallel()
	for _, doubted := range []bool{false, true} {
		names := evidence.Names{Roles: []string{"jane"}, Locked: map[string]time.Time{"jane": begun.Add(-time.Hour)}, Doubted: map[string]bool{"jane": doubted}}
		second, tally := evidence.NewSecond(names), logread.NewTally()
		tally.Event(logread.Event{Stream: "db-0.0", At: begun.UnixMilli(), Message: "2026-11-22 07:43:03 UTC:10.0.0.7(40312):jane@app:[7]:LOG:  connection authorized: user=jane database=app"})
		for _, r := range tally.Rows() {
			second.Row(r)
		}
		found := second.End()
		if len(found) != 1 || found[0].Activity().Began.IsZero() != doubted {
			t.Errorf("doubted %v: found %+v", doubted, found)
		}
	}
}

var begun = time.Date(2026, 11, 22, 7, 43, 3, 0, time.UTC)
