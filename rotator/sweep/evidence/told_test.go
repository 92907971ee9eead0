package evidence_test

import (
	"maps"
	"testing"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// Both readers tell what they cannot read, in the same words, and nothing of a role that is called as if it were masked.
func TestBothReadersTellWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	const head = "2026-11-22 07:43:03 UTC:10.0.0.7(35542):"
	want := map[string]int{"entry without a known severity": 1, "entry under another log_line_prefix": 2, "login under a partly masked name": 1, "ERROR under a partly masked name": 1}
	for _, byRows := range []bool{false, true} {
		e := evidence.New(begun.Add(day), evidence.Options{})
		e.Enroll([]cluster.Instance{{Name: "db-0", Group: group, Created: begun.Add(-day)}}, nil)
		log := evidence.NewLog(begun.Add(day), evidence.Names{Roles: []string{"ann", "*****", "s**"}, Databases: []string{"app"}})
		e.Watch(log)
		rows := logread.NewTally()
		for _, message := range []string{
			head + "ann@app:[1]:\u03a3\u03a6\u0391\u039b\u039c\u0391:  x", head + "svc_***@app:[1]:LOG:  connection authorized: user=svc_*** database=app",
			head + "svc_***@app:[1]:ERROR:  x", head + "svc_***@app:[1]:FATAL:  password authentication failed for user \"svc_***\"",
			head + "*****@app:[2]:LOG:  connection authorized: user=***** database=app", head + "*****@app:[2]:ERROR:  x", head + "s**@app:[3]:ERROR:  x",
			"2026-11-22 07:43:03 UTC [77] ann@app LOG:  connection authorized: user=ann database=app", "2026-11-22 07:43:03 UTC [77] ann@app ERROR:  x",
		} {
			event := logread.Event{Stream: "db-0.0", At: begun.UnixMilli(), Message: message}
			if rows.Event(event); !byRows {
				log.Event(event)
			}
		}
		for _, r := range rows.Rows() {
			if byRows {
				log.Row(r)
			}
		}
		if got := e.Named("db-0").Unread(); !maps.Equal(got, want) {
			t.Errorf("by rows %v: told %v, want %v", byRows, got, want)
		}
	}
}

// Nor does the second reading take such a role for masked: its cover is not broken.
func TestSecondReadingOfARoleOfAsterisks(t *testing.T) {
	t.Parallel()
	for role, broken := range map[string]bool{"*****": false, "ann": true} {
		e := evidence.New(begun.Add(day), evidence.Options{Longest: 90 * day})
		e.Enroll([]cluster.Instance{{Name: "db-0", Group: group, Created: begun.Add(-100 * day)}}, nil)
		e.Watch(evidence.NewLog(begun.Add(day), evidence.Names{Roles: []string{role}, Databases: []string{"app"}}))
		rows := logread.NewTally()
		rows.Event(logread.Event{Stream: "db-0.0", At: begun.UnixMilli(), Message: "2026-11-22 07:43:03 UTC:10.0.0.7(35542):*****@app:[1]:LOG:  connection authorized: user=***** database=app"})
		rows.Event(logread.Event{Stream: "db-0.0", At: begun.Add(-day).UnixMilli(), Message: "2026-11-21 07:43:03 UTC::@:[7]:LOG:  checkpoint starting: time"})
		s := evidence.Stretch{From: begun.Add(-day), To: begun.Add(day)}
		e.Covered(group, s, rows.Rows())
		if cover := e.SecondCover(); cover.From.Equal(begun) != broken {
			t.Errorf("with a role %q the cover begins at %s", role, cover.From)
		}
	}
}
