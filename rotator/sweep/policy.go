package sweep

import (
	"fmt"
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/postgres"
)

// action is what a verdict asks for.
type action int

const (
	leave      action = iota
	reactivate        // take note that somebody let it log in again
	unlock            // the lock was wrong: it was active
	lock
	drop
	markReady  // ReadyToDelete: drop it a day later
	markActive // no longer ReadyToDelete
	markLocked // no longer ReadyToDelete, still locked
	complain   // the table says Active, the role is still NOLOGIN
)

// verdict is what is to be done with one role.
type verdict struct {
	account account.Account
	action  action
	last    time.Time     // latest activity known
	idle    time.Duration // as far as the evidence goes
	reason  string        // of an unlock
}

// neverLocked tells of a role to be dropped that it could log in until now.
func (v verdict) neverLocked() bool { return v.account.LockedAt.IsZero() }

// subject is a role as it is judged.
type subject struct {
	account.Account
	sessions  int    // open now, on all instances
	exempt    string // why the sweep leaves it alone; "" = it does not
	ignored   bool   // on IGNORE_USER_LIST
	contested bool   // forged log entries name it
}

// policy is the rules with the evidence of one run. It is pure.
type policy struct {
	options  Options
	now      time.Time // by the writer's clock
	complete bool
	from, to time.Time // of the evidence
	doubted  time.Time // since when a log had stopped unnoticed; zero = none had
}

// deletionPause is how long a role that was never locked stays ReadyToDelete before it is dropped.
const deletionPause = day

// clockSlack is for the log's whole seconds, and the moment between a lock's record and its commit.
const clockSlack = 2 * time.Second

// judge decides about one role. The first rule that applies counts:
//
//	locked by the sweep, and may log in again              somebody unlocked it: it begins anew
//	left alone                                             nothing
//	locked, and active before the lock, or has a session   the lock was wrong: undone, also on incomplete evidence
//	locked, the table says Active                          told: ALTER ROLE … LOGIN is missing
//	evidence not complete, or forged entries name it       nothing
//	locked                                                 dropped when it is time
//	LOCK is set, idle as long as that                      locked
//	LOCK is unset, idle as long as DELETE                  ReadyToDelete, dropped at least a day later
func (p policy) judge(s subject) verdict {
	v := verdict{account: s.Account, last: s.LastLogin, idle: p.idle(s)}
	if s.sessions > 0 {
		v.last = p.now
	}
	locked := !s.LockedAt.IsZero()
	switch {
	case locked && s.CanLogin:
		v.action, v.reason = reactivate, "somebody let it log in again (ALTER ROLE … LOGIN)"
		v.last, v.idle = p.now, 0
	case s.exempt != "" || s.ignored:
		v.action = leave
	case locked && s.Status != account.Active && p.wronglyLocked(s) != "":
		v.action, v.reason = unlock, p.wronglyLocked(s)
	case locked && s.Status == account.Active:
		v.action = complain
	case !p.complete || s.contested:
		v.action = leave
	case locked:
		v.action = p.judgeLocked(s, v.idle)
	case s.CanLogin:
		v.action = p.judgeOpen(s, v.idle)
	}
	return v
}

// idle is how long a role was not active, as far as the evidence shows: time without evidence counts against nobody.
func (p policy) idle(s subject) time.Duration {
	if s.sessions > 0 || p.to.IsZero() {
		return 0
	}
	return max(0, p.to.Sub(later(s.LastLogin, p.from)))
}

// wronglyLocked says what shows that a locked role was active when it was locked, or may have been: a session that is still open,
// a login before the lock whose line came late, a lock that rested on a log that had stopped. "" = nothing does.
func (p policy) wronglyLocked(s subject) string {
	if s.sessions > 0 {
		return "it has a session that began before the lock"
	}
	if !p.doubted.IsZero() && s.LockedAt.After(p.doubted.Add(-maxSkew)) {
		return "the log of an instance had stopped, unnoticed, when it was locked"
	}
	limit := time.Duration(s.Lock.LockDays) * day
	if s.Lock.LastActivity.IsZero() { // the lock's record is gone
		limit = p.options.lockAfter()
	}
	late := s.LastLogin.After(s.Lock.LastActivity) && s.LastLogin.Before(s.LockedAt.Add(clockSlack))
	if late && s.LockedAt.Sub(s.LastLogin) < limit {
		return "a log line that came late shows a login at " + s.LastLogin.Format(time.RFC3339) + ", before the lock"
	}
	return ""
}

func (p policy) judgeLocked(s subject, idle time.Duration) action {
	due := p.options.DeleteDays > 0 && idle >= p.options.deleteAfter()
	waited := p.now.Sub(s.LockedAt) >= p.options.deleteAfter()-p.options.lockAfter()
	if p.options.LockDays == 0 { // locked under an earlier policy: as if never locked
		return p.judgeNeverLocked(s, due, markLocked)
	}
	switch {
	case due && waited:
		return drop
	case s.Status == account.ReadyToDelete:
		return markLocked
	}
	return leave
}

func (p policy) judgeOpen(s subject, idle time.Duration) action {
	if p.options.LockDays > 0 {
		switch {
		case idle >= p.options.lockAfter():
			return lock
		case s.Status != account.Active:
			return markActive
		}
		return leave
	}
	return p.judgeNeverLocked(s, p.options.DeleteDays > 0 && idle >= p.options.deleteAfter(), markActive)
}

func (p policy) judgeNeverLocked(s subject, due bool, otherwise action) action {
	ready := s.Status == account.ReadyToDelete
	switch {
	case due && ready && p.now.Sub(s.StatusChanged) >= deletionPause:
		return drop
	case due && !ready:
		return markReady
	case !due && (ready || otherwise == markActive && s.Status != account.Active):
		return otherwise
	}
	return leave
}

// lockIn is how long until an active role is locked if it stays idle; false if it is not to be, or not within 14 days.
func (p policy) lockIn(v verdict) (time.Duration, bool) {
	left := p.options.lockAfter() - v.idle
	ok := p.options.LockDays > 0 && v.account.CanLogin && v.action != lock && v.action != reactivate && left <= upcomingWithin
	return max(0, left), ok
}

const upcomingWithin = 14 * day

// permit says which statement would let the sweep lock and drop a role; owner is setup's owner role, or "".
func permit(a account.Account, owner string, version int) (problem, fix string) {
	const needsAdmin = 160000
	switch {
	case owner == "":
		return "there are no functions of setup for this pair in this database, and the shared role may not ALTER it", "Run setup."
	case version >= needsAdmin:
		return fmt.Sprintf("setup's role %s has no ADMIN on it", postgres.Quote(owner)),
			fmt.Sprintf("GRANT %s TO %s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE; as a role that has ADMIN on it, or run setup again if that is the master.", a.Quoted, postgres.Quote(owner))
	}
	return "setup's functions may not ALTER it", "Run setup again; a role with REPLICATION can be altered by a superuser only."
}

// due lists the verdicts with one of the actions.
func due(verdicts []verdict, actions ...action) []verdict {
	var list []verdict
	for _, v := range verdicts {
		if slices.Contains(actions, v.action) {
			list = append(list, v)
		}
	}
	return list
}
