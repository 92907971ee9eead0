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

// Of a role that is locked a login shows that somebody let it in since, and so does what is of a session that is known to have begun since.
// By what is of a session that began before, or within the lock's own moment, the lock was wrong, and what comes later leaves it so. Any
// other entry may be of either. Rows do not tell how long a session was.
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
	const since, before, unknown = "since", "before", "unknown"
	for name, tt := range map[string]struct {
		entries      []string // a minute apart from each other, the first an hour after the lock, unless it slipped in
		events, rows string   // when it began, as far as events and as rows tell
	}{
		"a sign of life":                         {[]string{sign}, unknown, unknown},
		"a login":                                {[]string{login}, since, since},
		"a sign of life after a login":           {[]string{login, sign}, since, since},
		"a sign of life before a login":          {[]string{other + sign, login}, since, since},
		"a sign of life after another's login":   {[]string{login, other + sign}, since, since},
		"a session's end after a login":          {[]string{login, sign, fmt.Sprintf(disconnection, "0:02:00.000")}, since, since},
		"the end of a session of since":          {[]string{sign, fmt.Sprintf(disconnection, "0:00:10.000")}, since, unknown},
		"the end of a session of before":         {[]string{fmt.Sprintf(disconnection, "9:00:00.000")}, before, unknown},
		"it goes on in a session of before":      {[]string{slipped + login, sign}, before, before},
		"it is let in after a session of before": {[]string{slipped + login, sign, other + login, other + sign}, before, before},
		"an attempt told in German":              {[]string{german, germanRefusal, sign}, unknown, unknown},
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
			if len(active) != 1 {
				t.Fatalf("%s, rows %v: %+v", name, rows, active)
			}
			got := unknown
			switch a := active[0]; {
			case a.Began.IsZero():
				got = before
			case a.Source == evidence.ByLogin || a.Began.Before(a.At):
				got = since
			}
			if got != want {
				t.Errorf("%s, rows %v: %+v, began %s, want %s", name, rows, active, got, want)
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

// Only a login that the lock did not know of, and that is less long ago than what it rests on, shows the lock to have been wrong.
func TestLoginsThatUndoALock(t *testing.T) {
	t.Parallel()
	lock := firstRun
	record := account.LockRecord{At: lock, LastActivity: lock.AddDate(0, 0, -100), LockDays: 90}
	for name, tt := range map[string]struct {
		record account.LockRecord
		at     time.Time
		undoes bool
	}{
		"the day before":                         {record, lock.AddDate(0, 0, -1), true},
		"since":                                  {record, lock.Add(time.Hour), false},
		"known to the lock":                      {record, lock.AddDate(0, 0, -100), false},
		"longer ago than LOCK":                   {record, lock.AddDate(0, 0, -95), false},
		"the day before, the lock's record gone": {account.LockRecord{}, lock.AddDate(0, 0, -1), true},
	} {
		names := evidence.Names{Roles: []string{"bob"}, Databases: []string{"app"}, Locked: map[string]time.Time{"bob": lock}, Locks: map[string]account.LockRecord{"bob": tt.record}}
		log, second, tally := evidence.NewLog(lock.Add(3*time.Hour), names), evidence.NewSecond(names), logread.NewTally()
		for _, e := range []logread.Event{
			{Stream: "db.0", At: tt.at.UnixMilli(), Message: tt.at.Format(time.DateTime) + " UTC:10.0.0.7(4000):bob@app:[77]:LOG:  connection authorized: user=bob database=app"},
			{Stream: "db.0", At: lock.Add(2 * time.Hour).UnixMilli(), Message: lock.Add(2*time.Hour).Format(time.DateTime) + " UTC::@:[7]:LOG:  checkpoint starting: time"},
		} {
			log.Event(e)
			tally.Event(e)
		}
		for _, row := range tally.Rows() {
			second.Row(row)
		}
		log.ReadTo(lock.Add(3 * time.Hour))
		log.End()
		seen, found := log.Take(), second.End()
		if len(seen) != 1 || seen[0].Began.IsZero() != tt.undoes {
			t.Errorf("%s: seen %+v", name, seen)
		}
		if len(found) != 1 || found[0].Began.IsZero() != tt.undoes {
			t.Errorf("%s: found by the second reading %+v", name, found)
		}
	}
}
