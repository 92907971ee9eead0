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

// In the second reading too one authorized attempt shows a role active that may log in, whatever a stranger has written of refusals: its own
// may be that of an attempt before the stretch. Of a locked one an attempt that was turned away is none.
func TestSecondReadingBelievesNoRefusalOfAnOpenRole(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 7, 43, 3, 0, time.UTC)
	second := evidence.NewSecond(evidence.Names{Roles: []string{"jane", "joe"}, Databases: []string{"app"}, Locked: map[string]time.Time{"joe": at.Add(-time.Hour)}})
	for _, names := range []string{"jane@app", "joe@app"} {
		second.Row(logread.Row{Kind: logread.Kind{Stream: "db-0.0", Class: logread.Login, Names: names}, Count: 1, Earliest: at.UnixMilli(), Latest: at.UnixMilli()})
		second.Row(logread.Row{Kind: logread.Kind{Stream: "db-0.0", Class: logread.Refusal, Names: names}, Count: 3, Earliest: at.UnixMilli(), Latest: at.UnixMilli()})
	}
	if found := second.End(); len(found) != 1 || found[0].Role != "jane" || !found[0].At.Equal(at) {
		t.Errorf("found %+v", found)
	}
}
