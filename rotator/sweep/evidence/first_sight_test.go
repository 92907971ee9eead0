package evidence_test

import (
	"testing"
	"time"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// At first sight the record begins with the first event of the day that is read, since there may have been no log before; in what is stored
// meanwhile it begins with the run as long as none was found.
func TestRecordBeginsWithTheFirstEvent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	db := cluster.Instance{Name: "db-0", Group: group, Created: now.Add(-400 * day)}
	for name, c := range map[string]struct {
		events []time.Duration // ago
		want   time.Duration
	}{
		"a log as long as the day":     {[]time.Duration{24 * time.Hour, time.Hour}, 24 * time.Hour},
		"a log that begins in the day": {[]time.Duration{5 * time.Hour, time.Hour}, 5 * time.Hour},
		"no log":                       {nil, 0},
	} {
		for _, killed := range []bool{false, true} {
			e := evidence.New(now, evidence.Options{Longest: 90 * day})
			e.Enroll([]cluster.Instance{db}, nil)
			log := evidence.NewLog(now, evidence.Names{})
			e.Watch(log)
			for _, ago := range c.events {
				at := now.Add(-ago)
				log.Event(logread.Event{Stream: "db-0.0", At: at.UnixMilli(), Ingested: at.UnixMilli(), Message: at.Format(time.DateTime) + " UTC:" + checkpoint})
			}
			log.ReadTo(now)
			records := e.Progress()
			if !killed {
				log.End()
				records = concluded(e)
			}
			if from := records[0].EvidenceFrom; !from.Equal(now.Add(-c.want)) {
				t.Errorf("%s, killed %v: it begins %s before the run, want %s", name, killed, now.Sub(from), c.want)
			}
		}
	}
}
