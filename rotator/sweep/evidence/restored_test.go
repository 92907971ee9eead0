package evidence_test

import (
	"fmt"
	"testing"
	"time"

	"pgrotator/rotator/sweep/evidence"
)

// Tables that know of fewer runs than the log shows are older than it, also where they know of none yet: a snapshot of after their upgrade
// and before the first run. New ones, of which no run has stored anything, are not older than anything.
func TestRestoredTables(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		runs     int           // before the one that finds the mark
		known    int64         // as the tables have it; 0 = null
		shown    int64         // in the log; 0 = none
		after    time.Duration // the last run that they know, the mark in the log
		restored bool
	}{
		"of before the first run":    {3, 0, 1, time.Hour, true},
		"their columns, set to null": {3, 0, 1, time.Minute, false},
		"of later":                   {3, 4, 5, time.Hour, true},
		"the same":                   {3, 5, 5, time.Hour, false},
		"just upgraded":              {3, 0, 0, time.Hour, false},
		"new, of another's log":      {0, 0, 7, time.Hour, false},
		"new":                        {0, 0, 0, time.Hour, false},
	} {
		d := newDiary(0)
		for range tt.runs {
			d.sweep(false, false, "db-0")
		}
		for instance, r := range d.records {
			r.RunNumber = tt.known
			d.records[instance] = r
		}
		d.now = d.now.Add(tt.after)
		if tt.shown > 0 {
			d.write("db-0.0", fmt.Sprintf("10.0.0.1(1000):app_a@app:[8]:LOG:  connection authorized: user=app_a database=app application_name=%s", evidence.StoredName("s", tt.shown)))
		}
		e := d.sweep(false, false, "db-0")
		if began := e.From().Equal(e.Start); began != tt.restored {
			t.Errorf("%s: the record begins at %s, and the run at %s; %q", name, e.From(), e.Start, e.Reasons)
		}
	}
}
