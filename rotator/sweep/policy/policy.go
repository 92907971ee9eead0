// Package policy decides what is to be done with each role, by the operator's intervals and the evidence of one run. It is pure.
package policy

import (
	"time"

	"pgrotator/rotator/account"
)

const day = 24 * time.Hour

// Action is what a verdict asks for.
type Action int

const (
	Leave      Action = iota
	Reactivate        // take note that somebody let it log in again
	Unlock            // the lock was wrong: it was active
	Lock
	Drop
	MarkReady  // ReadyToDelete: drop it a day later
	MarkActive // no longer ReadyToDelete
	MarkLocked // no longer ReadyToDelete, still locked
	Complain   // the table says Active, the role is still NOLOGIN
)

// Verdict is what is to be done with one role.
type Verdict struct {
	Account   account.Account
	Action    Action
	Last      time.Time     // latest activity known
	Idle      time.Duration // as far as the evidence goes
	Reason    string        // of an unlock
	Uncovered bool          // it is due, and the second reading does not reach back far enough
}

// NeverLocked tells of a role to be dropped that it could log in until now.
func (v Verdict) NeverLocked() bool { return v.Account.LockedAt.IsZero() }

// Subject is a role as it is judged.
type Subject struct {
	account.Account
	Sessions  int    // open now, on all instances
	Exempt    string // why the sweep leaves it alone; "" = it does not
	Ignored   bool   // on IGNORE_USER_LIST
	Undecided bool   // the log shows a login of it that a stream which is late may still refuse
}

// Policy is the intervals with the evidence of one run.
type Policy struct {
	LockAfter   time.Duration // 0 = never
	DeleteAfter time.Duration // 0 = never
	Now         time.Time     // by the writer's clock
	Complete    bool
	From, To    time.Time // of the evidence
	ArrivedTo   time.Time // up to when nothing of the logs is to come any more, as late as their lines have come lately
	Doubted     time.Time // since when a log was not complete, unnoticed; zero = none was
	ProvenTo    time.Time // up to when no log can turn out to have had a gap, unnoticed
	SecondFrom  time.Time // of the second reading's cover
	SecondTo    time.Time
}

const (
	// deletionPause is how long a role that was never locked stays ReadyToDelete before it is dropped.
	deletionPause = day
	// maxSkew is how far the clocks of function and instances may be apart.
	maxSkew = time.Minute
	// upcomingWithin is how long ahead a lock is told.
	upcomingWithin = 14 * day
)

// Judge decides about one role. The first rule that applies counts:
//
//	locked by the sweep, and may log in again              somebody unlocked it: it begins anew
//	left alone                                             nothing
//	locked, and active before the lock, or has a session   the lock was wrong: undone, also on incomplete evidence
//	locked, the table says Active                          told: ALTER ROLE … LOGIN is missing
//	evidence not complete                                  nothing
//	locked                                                 dropped when it is time, and nothing can undo the lock any more
//	LOCK is set, idle as long as that                      locked
//	LOCK is unset, idle as long as DELETE                  ReadyToDelete, dropped at least a day later
//
// Nobody is locked or dropped for whom the second reading has not covered the time that counts, and nobody who may have logged in is,
// nor is marked for it.
func (p Policy) Judge(s Subject) Verdict {
	v := Verdict{Account: s.Account, Last: s.LastLogin, Idle: p.idle(s)}
	if s.Sessions > 0 {
		v.Last = p.Now
	}
	locked := !s.LockedAt.IsZero()
	switch {
	case locked && s.CanLogin:
		v.Action, v.Reason = Reactivate, "somebody let it log in again (ALTER ROLE … LOGIN)"
		v.Last, v.Idle = p.Now, 0
	case s.Exempt != "" || s.Ignored:
		v.Action = Leave
	case locked && s.Status != account.Active && p.wronglyLocked(s) != "":
		v.Action, v.Reason = Unlock, p.wronglyLocked(s)
	case locked && s.Status == account.Active:
		v.Action = Complain
	case !p.Complete:
		v.Action = Leave
	case locked:
		v.Action = p.judgeLocked(s, v.Idle)
	case s.CanLogin:
		v.Action = p.judgeOpen(s, v.Idle)
	}
	if v.Action == Lock || v.Action == Drop {
		v.Uncovered = !p.covers(s)
	}
	if v.Uncovered || s.Undecided && v.Action.closes() {
		v.Action = Leave
	}
	return v
}

// closes reports an action that closes a role, or tells people that they may.
func (a Action) closes() bool { return a == Lock || a == MarkReady || a == Drop }

// covers reports that the second reading has covered the time that a role must have been idle for: the interval up to the evidence's
// end, or for one that is locked, all since the lock, at most the interval after which it is dropped.
func (p Policy) covers(s Subject) bool {
	since := p.To.Add(-p.LockAfter)
	switch {
	case !s.LockedAt.IsZero():
		since = later(s.LockedAt, p.To.Add(-p.DeleteAfter))
	case p.LockAfter == 0:
		since = p.To.Add(-p.DeleteAfter)
	}
	return !p.SecondTo.IsZero() && !p.SecondTo.Before(p.To) && !p.SecondFrom.After(since)
}

// idle is how long a role was not active, as far as the evidence shows: time without evidence counts against nobody.
func (p Policy) idle(s Subject) time.Duration {
	if s.Sessions > 0 || p.To.IsZero() {
		return 0
	}
	return max(0, p.To.Sub(later(s.LastLogin, p.From)))
}

// letIn reports that somebody let a locked role in, and shut it again: the store has moved the lock to its latest activity.
func letIn(s Subject) bool { return s.LockedAt.Equal(s.LastLogin) }

// wronglyLocked says what shows that a locked role was active when it was locked, or may have been: a session that is still open,
// activity in one that began before the lock, or a line of it that came late, a lock that rested on a log that had stopped. "" = nothing
// does, or somebody else has shut it since.
func (p Policy) wronglyLocked(s Subject) string {
	if letIn(s) {
		return ""
	}
	if s.Sessions > 0 {
		return "it has a session that began before the lock"
	}
	if !p.Doubted.IsZero() && s.LockedAt.After(p.Doubted.Add(-maxSkew)) {
		return "the log of an instance had stopped, unnoticed, when it was locked"
	}
	limit := time.Duration(s.Lock.LockDays) * day
	if s.Lock.LastActivity.IsZero() { // the lock's record is gone
		limit = p.LockAfter
	}
	if s.ActiveWhenLocked() && s.LockedAt.Sub(s.LastLogin) < limit {
		if s.LastLogin.After(s.LockedAt) {
			return "the log shows that it was active when it was locked, and since"
		}
		return "a log line that came late shows a login at " + s.LastLogin.Format(time.RFC3339) + ", before the lock"
	}
	return ""
}

// proven reports that a role was idle for the whole of DELETE, all of whose lines have come. A lock is undone for a line that comes late; a
// drop is not.
func (p Policy) proven(s Subject) bool {
	return p.ArrivedTo.Sub(later(s.LastLogin, p.From)) >= p.DeleteAfter
}

// final reports that nothing more can come to light that would undo a lock: the logs are read beyond it, and hold without a gap what
// was seen of the instances until then.
func (p Policy) final(lockedAt time.Time) bool {
	return !p.To.Before(lockedAt) && !p.ProvenTo.Before(lockedAt)
}

func (p Policy) judgeLocked(s Subject, idle time.Duration) Action {
	due := p.DeleteAfter > 0 && idle >= p.DeleteAfter
	waited := p.Now.Sub(s.LockedAt) >= p.DeleteAfter-p.LockAfter
	if p.LockAfter == 0 { // locked under an earlier policy: as if never locked
		return p.judgeNeverLocked(s, due, MarkLocked)
	}
	switch {
	case due && waited && p.final(s.LockedAt) && p.proven(s):
		return Drop
	case due && waited:
	case s.Status == account.ReadyToDelete:
		return MarkLocked
	}
	return Leave
}

func (p Policy) judgeOpen(s Subject, idle time.Duration) Action {
	if p.LockAfter > 0 {
		switch {
		case idle >= p.LockAfter:
			return Lock
		case s.Status != account.Active:
			return MarkActive
		}
		return Leave
	}
	return p.judgeNeverLocked(s, p.DeleteAfter > 0 && idle >= p.DeleteAfter, MarkActive)
}

func (p Policy) judgeNeverLocked(s Subject, due bool, otherwise Action) Action {
	ready := s.Status == account.ReadyToDelete
	switch {
	case due && ready && p.proven(s) && p.Now.Sub(s.StatusChanged) >= deletionPause:
		return Drop
	case due && !ready:
		return MarkReady
	case !due && (ready || otherwise == MarkActive && s.Status != account.Active):
		return otherwise
	}
	return Leave
}

// LockIn is how long until an active role is locked if it stays idle; false if it is not to be, or not within 14 days.
func (p Policy) LockIn(v Verdict) (time.Duration, bool) {
	left := p.LockAfter - v.Idle
	ok := p.LockAfter > 0 && v.Account.CanLogin && v.Action != Lock && v.Action != Reactivate && left <= upcomingWithin
	return max(0, left), ok
}

// Next is what comes next for a role that stays idle, "lock" or "drop", and when; "" where nothing does, or nobody can tell. A time
// that is past means that it is due, and that something else keeps it from being done.
func (p Policy) Next(s Subject) (act string, at time.Time) {
	idleSince := later(s.LastLogin, p.From)
	if s.Sessions > 0 {
		idleSince = p.Now
	}
	switch {
	case p.To.IsZero() || s.Exempt != "" || s.Ignored:
		return "", time.Time{}
	case s.CanLogin && p.LockAfter > 0:
		return "lock", idleSince.Add(p.LockAfter)
	case p.DeleteAfter == 0:
		return "", time.Time{}
	case p.LockAfter == 0:
		return "drop", idleSince.Add(p.DeleteAfter + deletionPause)
	}
	return "drop", later(idleSince.Add(p.DeleteAfter), s.LockedAt.Add(p.DeleteAfter-p.LockAfter))
}

// Status is what an action marks a role as.
func (a Action) Status() string {
	switch a {
	case MarkReady:
		return account.ReadyToDelete
	case MarkLocked:
		return account.Locked
	}
	return account.Active
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
