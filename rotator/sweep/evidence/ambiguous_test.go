package evidence_test

import (
	"fmt"
	"testing"
	"time"

	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// An entry that is written before and after authorization alike counts in a session only: not in a connection whose login was refused,
// whichever comes first, and by whichever stream.
func TestAmbiguousEntryOfARefusedConnection(t *testing.T) {
	t.Parallel()
	const (
		login    = "LOG:  connection authorized: user=bob database=app"
		refusal  = `FATAL:  role "bob" is not permitted to log in`
		broken   = "LOG:  could not send data to client: Broken pipe"
		unknown  = "FATAL:  terminating connection for a reason that nobody knows"
		sign     = "ERROR:  division by zero"
		noEntry  = ""
		seldom   = 10 * time.Minute
		slowly   = 20 * time.Second
		together = time.Second
	)
	for name, tt := range map[string]struct {
		entries [4]string
		apart   time.Duration
		last    int // the entry that shows the role active last; -1 = none
	}{
		"after the refusal":            {[4]string{login, refusal, broken}, together, -1},
		"before the refusal":           {[4]string{login, broken, refusal}, together, -1},
		"on both sides of it":          {[4]string{login, broken, refusal, broken}, together, -1},
		"an unknown FATAL after it":    {[4]string{login, refusal, unknown}, together, -1},
		"long after the refusal":       {[4]string{login, refusal, noEntry, broken}, slowly, -1},
		"without a login":              {[4]string{broken, noEntry, unknown}, together, -1},
		"of a session":                 {[4]string{login, noEntry, broken}, together, 2},
		"of a session, after a sign":   {[4]string{login, sign, broken, unknown}, together, 3},
		"of a session, before a sign":  {[4]string{broken, sign, noEntry, noEntry}, together, 1},
		"long after its session began": {[4]string{login, noEntry, noEntry, broken}, seldom, 3},
		"before its login has come":    {[4]string{broken, login}, 0, 1},
	} {
		for _, streams := range []int{1, 2} {
			end := firstRun.Add(2 * time.Hour)
			log := evidence.NewLog(end, evidence.Names{Roles: []string{"bob"}, Databases: []string{"app"}, Locked: map[string]time.Time{"bob": firstRun.AddDate(0, -1, 0)}})
			at := firstRun
			for n, entry := range tt.entries {
				if entry != noEntry {
					log.Event(logread.Event{Stream: fmt.Sprintf("db.%d", n%streams), At: at.UnixMilli(), Ingested: at.UnixMilli(),
						Message: at.Format(time.DateTime) + " UTC:10.0.0.7(4000):bob@app:[77]:" + entry})
				}
				if at = at.Add(tt.apart); tt.apart > together {
					log.ReadTo(at)
				}
			}
			for n := range streams {
				log.Event(logread.Event{Stream: fmt.Sprintf("db.%d", n), At: end.Add(-time.Second).UnixMilli(), Message: end.Add(-time.Second).Format(time.DateTime) + " UTC::@:[7]:LOG:  checkpoint starting: time"})
			}
			log.ReadTo(end)
			log.End()
			active := log.Take()
			switch {
			case tt.last < 0 && len(active) > 0:
				t.Errorf("%s, %d streams: %+v", name, streams, active)
			case tt.last >= 0 && (len(active) != 1 || !active[0].At.Equal(firstRun.Add(time.Duration(tt.last)*tt.apart))):
				t.Errorf("%s, %d streams: %+v, want the entry %d", name, streams, active, tt.last)
			}
		}
	}
}
