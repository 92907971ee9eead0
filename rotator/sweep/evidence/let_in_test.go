package evidence_test

import (
	"fmt"
	"testing"
	"time"

	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// Of a role that is locked only a login, or the end of a session, tells that the session began after the lock. Any other entry may be of
// one that began before, unless the log shows a login since; whole events and rows agree.
func TestWhenTheSessionOfALockedRoleBegan(t *testing.T) {
	t.Parallel()
	const (
		login         = "LOG:  connection authorized: user=bob database=app"
		refusal       = `FATAL:  role "bob" is not permitted to log in`
		sign          = "ERROR:  division by zero"
		broken        = "LOG:  could not send data to client: Broken pipe"
		german        = "LOG:  Verbindung autorisiert: Benutzer=bob Datenbank=app"
		germanRefusal = "FATAL:  Rolle »bob« hat keine Berechtigung zum Einloggen"
		disconnection = "LOG:  disconnection: session time: %s user=bob database=app host=10.0.0.7 port=4000"
	)
	for name, tt := range map[string]struct {
		entries      []string // a minute apart from each other, the first an hour after the lock
		events, rows bool     // it began after the lock, as far as events and as rows tell
	}{
		"a sign of life":                            {[]string{sign}, false, false},
		"signs of life":                             {[]string{sign, sign, broken}, false, false},
		"a login":                                   {[]string{login}, true, true},
		"a sign of life after a login":              {[]string{login, sign}, true, true},
		"an ambiguous entry after a login":          {[]string{login, broken}, true, true},
		"a session's end after a login":             {[]string{login, sign, fmt.Sprintf(disconnection, "0:02:00.000")}, true, true},
		"the end of a session of before":            {[]string{fmt.Sprintf(disconnection, "9:00:00.000")}, false, false},
		"the end of a session of since":             {[]string{sign, fmt.Sprintf(disconnection, "0:00:10.000")}, true, false},
		"a sign of life before a login":             {[]string{sign, login}, true, true},
		"a sign of life after a refusal":            {[]string{refusal, sign}, false, false},
		"a sign of life in German":                  {[]string{"FEHLER:  Division durch Null"}, false, false},
		"an attempt told in German":                 {[]string{german, germanRefusal, sign}, false, false},
		"an attempt in words that rows do not know": {[]string{sign, german, germanRefusal}, false, true},
	} {
		for _, rows := range []bool{false, true} {
			lock := firstRun
			log := evidence.NewLog(lock.Add(3*time.Hour), evidence.Names{Roles: []string{"bob"}, Databases: []string{"app"}, Locked: map[string]time.Time{"bob": lock}})
			tally := logread.NewTally()
			add := func(at time.Time, text string) {
				e := logread.Event{Stream: "db.0", At: at.UnixMilli(), Message: at.Format(time.DateTime) + " UTC:" + text}
				tally.Event(e)
				if !rows {
					log.Event(e)
				}
			}
			for n, entry := range tt.entries {
				add(lock.Add(time.Hour+time.Duration(n)*time.Minute), "10.0.0.7(4000):bob@app:[77]:"+entry)
			}
			add(lock.Add(2*time.Hour-time.Second), ":@:[7]:LOG:  checkpoint starting: time")
			if rows {
				for _, r := range tally.Rows() {
					log.Row(r)
				}
			}
			log.ReadTo(lock.Add(2 * time.Hour))
			log.End()
			want := tt.events
			if rows {
				want = tt.rows
			}
			active := log.Take()
			if len(active) != 1 || active[0].Began.After(lock) != want {
				t.Errorf("%s, rows %v: %+v, want it to have begun after the lock: %v", name, rows, active, want)
			}
		}
	}
}
