package evidence_test

import (
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// What may be a login counts as one, though somebody else may have written it: nobody active may look idle for the name of his
// application. Of a role that was locked by then it may as well be an attempt.
func TestContestedLoginIsActivity(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 7, 43, 3, 0, time.UTC)
	const role = "jane@corp"
	for name, tt := range map[string]struct {
		since  map[string]time.Time
		counts bool
	}{
		"of a role that may log in":         {nil, true},
		"of a role that was locked by then": {map[string]time.Time{role: at.Add(-time.Hour)}, false},
		"of a role that was locked since":   {map[string]time.Time{role: at.Add(time.Minute)}, true},
	} {
		log := evidence.NewLog(at.Add(time.Hour), evidence.Names{Roles: []string{role}, Databases: []string{"app"}, Locked: tt.since})
		log.Event(logread.Event{Stream: "db-0.0", At: at.UnixMilli(), Message: at.Format(time.DateTime) +
			" UTC:10.0.0.7(4000):" + role + "@app:[101]:LOG:  connection authorized: user=" + role + " database=app application_name=x:[1]:LOG:  y"})
		log.ReadTo(at.Add(time.Hour))
		log.End()
		var seen []account.Activity
		if seen = log.Take(); (len(seen) == 1) != tt.counts || tt.counts && !seen[0].At.Equal(at) {
			t.Errorf("%s: %+v", name, seen)
		}
	}
}
