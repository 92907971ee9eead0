package evidence_test

import (
	"testing"
	"time"

	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// Of a locked role the rows of a stretch show as many refusals as attempts, or more where one is delivered twice: a login before the lock
// that comes late is found all the same, by the time of the first.
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
