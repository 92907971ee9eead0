package evidence_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// Whatever shows a locked role active shows that somebody let it in since, but for what is of a session that began before, or within the
// lock's own moment: by that the lock was wrong, and what comes later leaves it so. Rows do not tell how long a session was.
func TestWhenTheSessionOfALockedRoleBegan(t *testing.T) {
	t.Parallel()
	const (
		login         = "LOG:  connection authorized: user=bob database=app"
		sign          = "ERROR:  division by zero"
		german        = "LOG:  Verbindung autorisiert: Benutzer=bob Datenbank=app"
		germanRefusal = "FATAL:  Rolle »bob« hat keine Berechtigung zum Einloggen"
		disconnection = "LOG:  disconnection: session time: %s user=bob database=app host=10.0.0.7 port=4000"
	)
	const slipped, other = "slipped in: ", "another connection: "
	for name, tt := range map[string]struct {
		entries      []string // a minute apart from each other, the first an hour after the lock, unless it slipped in
		events, rows bool     // it began after the lock, as far as events and as rows tell
	}{
		"a sign of life":                         {[]string{sign}, true, true},
		"a login":                                {[]string{login}, true, true},
		"a sign of life after a login":           {[]string{login, sign}, true, true},
		"a session's end after a login":          {[]string{login, sign, fmt.Sprintf(disconnection, "0:02:00.000")}, true, true},
		"the end of a session of since":          {[]string{sign, fmt.Sprintf(disconnection, "0:00:10.000")}, true, true},
		"the end of a session of before":         {[]string{fmt.Sprintf(disconnection, "9:00:00.000")}, false, true},
		"it goes on in a session of before":      {[]string{slipped + login, sign}, false, false},
		"it is let in after a session of before": {[]string{slipped + login, sign, other + login, other + sign}, false, false},
		"an attempt told in German":              {[]string{german, germanRefusal, sign}, true, true},
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
				at, connection := lock.Add(time.Hour+time.Duration(n)*time.Minute), "10.0.0.7(4000):bob@app:[77]:"
				if text, ok := strings.CutPrefix(entry, slipped); ok {
					at, entry = lock, text
				}
				if text, ok := strings.CutPrefix(entry, other); ok {
					connection, entry = "10.0.0.8(4001):bob@app:[78]:", text
				}
				add(at, connection+entry)
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

// The last login in the log of an instance that is gone counts at once where it was before the lock: then the role was open. A later
// attempt waits for its refusal.
func TestLastLoginBeforeALock(t *testing.T) {
	t.Parallel()
	lock := firstRun.Add(500 * time.Millisecond)
	for name, tt := range map[string]struct {
		at      time.Time
		counted bool
	}{
		"a minute before":      {firstRun.Add(-time.Minute), true},
		"the second before":    {firstRun.Add(-time.Second), true},
		"in the lock's second": {firstRun, false},
		"a minute after":       {firstRun.Add(time.Minute), false},
	} {
		log := evidence.NewLog(lock.Add(day), evidence.Names{Roles: []string{"bob"}, Databases: []string{"app"}, Locked: map[string]time.Time{"bob": lock}})
		log.Event(logread.Event{Stream: "db.0", At: tt.at.UnixMilli(), Message: tt.at.Format(time.DateTime) + " UTC:10.0.0.7(4000):bob@app:[77]:LOG:  connection authorized: user=bob database=app"})
		log.ReadTo(lock.Add(day))
		log.End()
		if active := log.Take(); len(active) > 0 != tt.counted || log.Undecided("bob") == tt.counted {
			t.Errorf("%s: %+v, undecided %v", name, active, log.Undecided("bob"))
		}
	}
}

// A login of before a lock that comes late is told, though the lock was moved on since.
func TestLateLoginOfARoleThatSeemsLetIn(t *testing.T) {
	t.Parallel()
	lock := firstRun
	record := account.LockRecord{At: lock, LastActivity: lock.AddDate(0, 0, -100), LockDays: 90}
	for name, tt := range map[string]struct {
		at   time.Time
		late bool
	}{
		"a login the day before":        {lock.AddDate(0, 0, -1), true},
		"a login of since":              {lock.Add(time.Hour), false},
		"a login that the lock knew of": {lock.AddDate(0, 0, -100), false},
		"a login longer ago than LOCK":  {lock.AddDate(0, 0, -95), false},
	} {
		log := evidence.NewLog(lock.Add(3*time.Hour), evidence.Names{Roles: []string{"bob"}, Databases: []string{"app"},
			Locked: map[string]time.Time{"bob": lock.Add(2 * time.Hour)}, Locks: map[string]account.LockRecord{"bob": record}})
		log.Event(logread.Event{Stream: "db.0", At: tt.at.UnixMilli(), Message: tt.at.Format(time.DateTime) + " UTC:10.0.0.7(4000):bob@app:[77]:LOG:  connection authorized: user=bob database=app"})
		log.Event(logread.Event{Stream: "db.0", At: lock.Add(2 * time.Hour).UnixMilli(), Message: lock.Add(2*time.Hour).Format(time.DateTime) + " UTC::@:[7]:LOG:  checkpoint starting: time"})
		log.ReadTo(lock.Add(3 * time.Hour))
		log.End()
		if late := log.Late("bob"); !late.IsZero() != tt.late {
			t.Errorf("%s: late %s", name, late)
		}
	}
}
