package sweep

import (
	"testing"
	"time"

	"pgrotator/rotator/account"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	ago := func(days float64) time.Time { return now.Add(-time.Duration(days * float64(day))) }
	open := func(idle float64) subject {
		return subject{Account: account.Account{Name: "x", CanLogin: true, Tracked: true, Status: account.Active, LastLogin: ago(idle), StatusChanged: ago(idle)}}
	}
	shut := func(idle, locked float64) subject {
		s := open(idle)
		s.CanLogin, s.Status, s.LockedAt = false, account.Locked, ago(locked)
		s.Lock = account.LockRecord{LastActivity: s.LastLogin, LockDays: 90}
		return s
	}
	with := func(s subject, change func(*subject)) subject { change(&s); return s }
	status := func(status string, since float64) func(*subject) {
		return func(s *subject) { s.Status, s.StatusChanged = status, ago(since) }
	}
	both, lockOnly, deleteOnly := Options{LockDays: 90, DeleteDays: 180}, Options{LockDays: 90}, Options{DeleteDays: 180}
	for name, c := range map[string]struct {
		options Options
		subject subject
		want    action
	}{
		"idle a moment less than LOCK":                    {lockOnly, open(89.99), leave},
		"idle exactly LOCK":                               {lockOnly, open(90), lock},
		"idle, with a session":                            {lockOnly, with(open(400), func(s *subject) { s.sessions = 1 }), leave},
		"idle, exempt":                                    {lockOnly, with(open(400), func(s *subject) { s.exempt = "It is a superuser." }), leave},
		"idle, ignored":                                   {lockOnly, with(open(400), func(s *subject) { s.ignored = true }), leave},
		"idle, named by forged entries":                   {lockOnly, with(open(400), func(s *subject) { s.contested = true }), leave},
		"idle as long as DELETE, never locked":            {both, open(400), lock},
		"locked, idle as long as DELETE, not long enough": {both, shut(400, 89.99), leave},
		"locked long enough":                              {both, shut(400, 90), drop},
		"locked long enough, DELETE unset":                {lockOnly, shut(400, 300), leave},
		"locked long enough, not idle as long as DELETE":  {both, shut(179, 90), leave},
		"locked, may log in again":                        {both, with(shut(400, 300), func(s *subject) { s.CanLogin = true }), reactivate},
		"ready to delete, may log in again":               {both, with(shut(400, 300), func(s *subject) { s.CanLogin, s.Status = true, account.ReadyToDelete }), reactivate},
		"locked, the table says Active":                   {both, with(shut(400, 300), status(account.Active, 0)), complain},
		"locked, with a session":                          {both, with(shut(400, 1), func(s *subject) { s.sessions = 1 }), unlock},
		"locked, a late login a day before the lock":      {lockOnly, with(shut(92, 1), func(s *subject) { s.LastLogin = ago(2) }), unlock},
		"locked, a late login too old to matter":          {lockOnly, with(shut(300, 1), func(s *subject) { s.LastLogin = ago(92) }), leave},
		"locked, a late login, the lock's record gone":    {lockOnly, with(shut(92, 1), func(s *subject) { s.LastLogin, s.Lock = ago(2), account.LockRecord{} }), unlock},
		"locked, idle long enough, its record gone":       {lockOnly, with(shut(92, 1), func(s *subject) { s.Lock = account.LockRecord{} }), leave},
		"locked, LOCK was lengthened since":               {Options{LockDays: 180}, shut(100, 5), leave},
		"ready to delete, DELETE unset since":             {lockOnly, with(shut(400, 300), status(account.ReadyToDelete, 5)), markLocked},
		"ready to delete, nothing in the way":             {both, with(shut(400, 300), status(account.ReadyToDelete, 5)), drop},
		"LOCK unset, idle as long as DELETE":              {deleteOnly, open(180), markReady},
		"LOCK unset, ready for less than a day":           {deleteOnly, with(open(200), status(account.ReadyToDelete, 0.99)), leave},
		"LOCK unset, ready for a day":                     {deleteOnly, with(open(200), status(account.ReadyToDelete, 1)), drop},
		"LOCK unset, active again":                        {deleteOnly, with(open(3), status(account.ReadyToDelete, 5)), markActive},
		"LOCK unset since, locked before":                 {deleteOnly, shut(200, 100), markReady},
		"neither set":                                     {Options{}, open(1000), leave},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := policy{options: c.options, now: now, complete: true, from: ago(1000), to: now}
			if got := p.judge(c.subject).action; got != c.want {
				t.Errorf("verdict %d, want %d", got, c.want)
			}
			p.complete = false
			if got := p.judge(c.subject).action; got != c.want && got != leave || got == lock || got == drop || got == markReady {
				t.Errorf("verdict on incomplete evidence %d", got)
			}
		})
	}
}

// Idle time runs to where the evidence ends, and from where it begins.
func TestTimeWithoutEvidenceCountsAgainstNobody(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	s := subject{Account: account.Account{CanLogin: true, Status: account.Active, LastLogin: now.Add(-400 * day)}}
	for name, c := range map[string]struct {
		from, to time.Time
		want     action
	}{
		"the record is long enough":   {now.Add(-90 * day), now, lock},
		"the record began later":      {now.Add(-89 * day), now, leave},
		"the record ended before now": {now.Add(-100 * day), now.Add(-11 * day), leave},
		"nothing is known":            {time.Time{}, time.Time{}, leave},
	} {
		p := policy{options: Options{LockDays: 90}, now: now, complete: true, from: c.from, to: c.to}
		if got := p.judge(s).action; got != c.want {
			t.Errorf("%s: verdict %d, want %d", name, got, c.want)
		}
	}
}
