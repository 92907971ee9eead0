package policy_test

import (
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/sweep/policy"
)

const day = 24 * time.Hour

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func ago(days float64) time.Time { return now.Add(-time.Duration(days * float64(day))) }

// open is a role that may log in, shut one that the sweep has locked, both idle for so many days.
func open(idle float64) policy.Subject {
	return policy.Subject{Account: account.Account{Name: "x", CanLogin: true, Tracked: true, Status: account.Active, LastLogin: ago(idle), StatusChanged: ago(idle)}}
}

func shut(idle, locked float64) policy.Subject {
	s := open(idle)
	s.CanLogin, s.Status, s.LockedAt = false, account.Locked, ago(locked)
	s.Lock = account.LockRecord{LastActivity: s.LastLogin, LockDays: 90}
	return s
}

// intervals are a policy on evidence that leaves nothing to be desired.
func intervals(lockDays, deleteDays int) policy.Policy {
	return policy.Policy{LockAfter: time.Duration(lockDays) * day, DeleteAfter: time.Duration(deleteDays) * day, Now: now, Complete: true,
		From: ago(1000), To: now, ArrivedTo: now, ProvenTo: now, SecondFrom: ago(1000), SecondTo: now}
}

// arriving is a policy where lines may still come of the last days.
func arriving(p policy.Policy, days float64) policy.Policy {
	p.ArrivedTo = ago(days)
	return p
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	with := func(s policy.Subject, change func(*policy.Subject)) policy.Subject { change(&s); return s }
	status := func(status string, since float64) func(*policy.Subject) {
		return func(s *policy.Subject) { s.Status, s.StatusChanged = status, ago(since) }
	}
	both, lockOnly, deleteOnly, stopped := intervals(90, 180), intervals(90, 0), intervals(0, 180), intervals(90, 180)
	stopped.Doubted = ago(5)
	for name, c := range map[string]struct {
		policy  policy.Policy
		subject policy.Subject
		want    policy.Action
	}{
		"idle a moment less than LOCK":                                {lockOnly, open(89.99), policy.Leave},
		"idle exactly LOCK":                                           {lockOnly, open(90), policy.Lock},
		"idle, with a session":                                        {lockOnly, with(open(400), func(s *policy.Subject) { s.Sessions = 1 }), policy.Leave},
		"idle, a login may still be refused":                          {lockOnly, with(open(400), func(s *policy.Subject) { s.Undecided = true }), policy.Leave},
		"locked, a login may still be refused":                        {both, with(shut(400, 300), func(s *policy.Subject) { s.Undecided = true }), policy.Leave},
		"idle, exempt":                                                {lockOnly, with(open(400), func(s *policy.Subject) { s.Exempt = "It is a superuser." }), policy.Leave},
		"idle, ignored":                                               {lockOnly, with(open(400), func(s *policy.Subject) { s.Ignored = true }), policy.Leave},
		"idle as long as DELETE, never locked":                        {both, open(400), policy.Lock},
		"locked, idle as long as DELETE, not long enough":             {both, shut(400, 89.99), policy.Leave},
		"locked long enough":                                          {both, shut(400, 90), policy.Drop},
		"locked long enough, DELETE unset":                            {lockOnly, shut(400, 300), policy.Leave},
		"locked long enough, not idle as long as DELETE":              {both, shut(179, 90), policy.Leave},
		"locked, may log in again":                                    {both, with(shut(400, 300), func(s *policy.Subject) { s.CanLogin = true }), policy.Reactivate},
		"ready to delete, may log in again":                           {both, with(shut(400, 300), func(s *policy.Subject) { s.CanLogin, s.Status = true, account.ReadyToDelete }), policy.Reactivate},
		"locked, the table says Active":                               {both, with(shut(400, 300), status(account.Active, 0)), policy.Complain},
		"locked, with a session":                                      {both, with(shut(400, 1), func(s *policy.Subject) { s.Sessions = 1 }), policy.Unlock},
		"locked, a late login a day before the lock":                  {lockOnly, with(shut(92, 1), func(s *policy.Subject) { s.LastLogin = ago(2) }), policy.Unlock},
		"locked, a late login too old to matter":                      {lockOnly, with(shut(300, 1), func(s *policy.Subject) { s.LastLogin = ago(92) }), policy.Leave},
		"locked, a late login, the lock's record gone":                {lockOnly, with(shut(92, 1), func(s *policy.Subject) { s.LastLogin, s.Lock = ago(2), account.LockRecord{} }), policy.Unlock},
		"locked, idle long enough, its record gone":                   {lockOnly, with(shut(92, 1), func(s *policy.Subject) { s.Lock = account.LockRecord{} }), policy.Leave},
		"locked, let in and shut again a day ago":                     {both, with(shut(1, 1), func(s *policy.Subject) { s.Lock.LastActivity = ago(400) }), policy.Leave},
		"locked, active since, perhaps in a session of before":        {both, with(shut(400, 3), func(s *policy.Subject) { s.LastLogin = ago(1) }), policy.Leave},
		"locked, active since, with a session":                        {both, with(shut(400, 3), func(s *policy.Subject) { s.LastLogin, s.Sessions = ago(1), 1 }), policy.Unlock},
		"locked, let in and shut again, with a session":               {both, with(shut(400, 1), func(s *policy.Subject) { s.LastLogin, s.Sessions = ago(1), 1 }), policy.Leave},
		"locked after a log had stopped":                              {stopped, shut(400, 1), policy.Unlock},
		"locked before a log stopped":                                 {stopped, shut(400, 10), policy.Leave},
		"locked after a log had stopped, active since":                {stopped, with(shut(400, 3), func(s *policy.Subject) { s.LastLogin = ago(1) }), policy.Unlock},
		"locked after a log had stopped, let in since and shut again": {stopped, with(shut(400, 1), func(s *policy.Subject) { s.LastLogin = ago(1) }), policy.Leave},
		"locked, active after it in a session of before": {both, with(shut(1, 1), func(s *policy.Subject) {
			s.Lock.LastActivity, s.LastLogin = ago(400), s.LockedAt.Add(1999*time.Millisecond)
		}), policy.Unlock},
		"locked, LOCK was lengthened since":           {intervals(180, 0), shut(100, 5), policy.Leave},
		"ready to delete, DELETE unset since":         {lockOnly, with(shut(400, 300), status(account.ReadyToDelete, 5)), policy.MarkLocked},
		"ready to delete, nothing in the way":         {both, with(shut(400, 300), status(account.ReadyToDelete, 5)), policy.Drop},
		"LOCK unset, idle as long as DELETE":          {deleteOnly, open(180), policy.MarkReady},
		"LOCK unset, a login may still be refused":    {deleteOnly, with(open(400), func(s *policy.Subject) { s.Undecided = true }), policy.Leave},
		"LOCK unset, ready for less than a day":       {deleteOnly, with(open(200), status(account.ReadyToDelete, 0.99)), policy.Leave},
		"LOCK unset, ready for a day":                 {deleteOnly, with(open(200), status(account.ReadyToDelete, 1)), policy.Drop},
		"LOCK unset, ready, its lines may be to come": {arriving(deleteOnly, 1), with(open(180.5), status(account.ReadyToDelete, 5)), policy.Leave},
		"LOCK unset, active again":                    {deleteOnly, with(open(3), status(account.ReadyToDelete, 5)), policy.MarkActive},
		"LOCK unset since, locked before":             {deleteOnly, shut(200, 100), policy.MarkReady},
		"neither set":                                 {intervals(0, 0), open(1000), policy.Leave},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.policy.Judge(c.subject).Action; got != c.want {
				t.Errorf("verdict %d, want %d", got, c.want)
			}
			c.policy.Complete = false
			got := c.policy.Judge(c.subject).Action
			if got != c.want && got != policy.Leave || got == policy.Lock || got == policy.Drop || got == policy.MarkReady {
				t.Errorf("verdict on incomplete evidence %d", got)
			}
		})
	}
}

// Idle time runs to where the evidence ends, and from where it begins.
func TestTimeWithoutEvidenceCountsAgainstNobody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to time.Time
		want     policy.Action
	}{
		"the record is long enough":   {ago(90), now, policy.Lock},
		"the record began later":      {ago(89), now, policy.Leave},
		"the record ended before now": {ago(100), ago(11), policy.Leave},
		"nothing is known":            {time.Time{}, time.Time{}, policy.Leave},
	} {
		p := intervals(90, 0)
		p.From, p.To = c.from, c.to
		if got := p.Judge(open(400)).Action; got != c.want {
			t.Errorf("%s: verdict %d, want %d", name, got, c.want)
		}
	}
}

// Nobody is closed for a time that the second reading has not covered, and nobody is dropped whose lock may still be undone.
func TestWhatIsNotProvenClosesNobody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		subject   policy.Subject
		change    func(*policy.Policy)
		uncovered bool
	}{
		"the second reading begins later":              {open(400), func(p *policy.Policy) { p.SecondFrom = ago(89) }, true},
		"the second reading ends earlier":              {open(400), func(p *policy.Policy) { p.SecondTo = ago(0.1) }, true},
		"there was no second reading":                  {open(400), func(p *policy.Policy) { p.SecondFrom, p.SecondTo = time.Time{}, time.Time{} }, true},
		"locked, the second reading since the lock":    {shut(400, 95), func(p *policy.Policy) { p.SecondFrom = ago(94) }, true},
		"locked, the log is not read up to the lock":   {shut(400, 95), func(p *policy.Policy) { p.To = ago(96) }, false},
		"locked, lines of DELETE's end may be to come": {shut(180.5, 95), func(p *policy.Policy) { p.ArrivedTo = ago(1) }, false},
		"locked, a gap before it may be found yet":     {shut(400, 95), func(p *policy.Policy) { p.ProvenTo = ago(96) }, false},
		"locked, nothing was held against the log":     {shut(400, 95), func(p *policy.Policy) { p.ProvenTo = time.Time{} }, false},
	} {
		p := intervals(90, 180)
		if before := p.Judge(c.subject).Action; before != policy.Lock && before != policy.Drop {
			t.Fatalf("%s: verdict %d where all is proven", name, before)
		}
		c.change(&p)
		if v := p.Judge(c.subject); v.Action != policy.Leave || v.Uncovered != c.uncovered {
			t.Errorf("%s: verdict %d, uncovered %v", name, v.Action, v.Uncovered)
		}
	}
}
