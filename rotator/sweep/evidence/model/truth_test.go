package model_test

import (
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/sweep/evidence"
	"pgrotator/rotator/sweep/policy"
)

// foundWithin is how long it takes at most until a log that stopped unnoticed is found out: until a look, five days for streams that lag,
// and until a run.
const foundWithin = 8 * day

// summedWithin is the same for what only the counts over several looks together show, those of a week.
const summedWithin = foundWithin + 7*day

// promised reports whether the sweep must reckon with an activity.
func (a activity) promised() bool { return a.proof == nil || !a.proof.beyond }

// missed reports an activity whose entry does not show, or in a form that is not read.
func (a activity) missed() bool { return a.proof != nil && (a.proof.lost || a.proof.unreadable) }

// lastActive is when a role was really active last, before a time, as far as it must be reckoned with; zero = never.
func (p *person) lastActive(before time.Time) activity {
	for _, a := range slices.Backward(p.deeds) {
		if a.at.Before(before) && a.promised() {
			return a
		}
	}
	return activity{}
}

// holdVerdict holds a verdict against the truth.
func (r *run) holdVerdict(who *person, v policy.Verdict, p policy.Policy) {
	limit := p.LockAfter
	if v.Action == policy.Drop || limit == 0 {
		limit = p.DeleteAfter
	}
	switch last := r.lastKnowable(who, p.To); v.Action {
	case policy.Lock, policy.MarkReady:
		if r.now.Sub(last.at) < limit {
			r.fail("%s is to be closed (%d), and was active at %s, evidence %s to %s", v.Account.Name, v.Action, last.at, p.From, p.To)
		}
		if who.account.Unlogged != "" {
			r.fail("%s is to be closed, and the log cannot carry its name", v.Account.Name)
		}
		if p.To.Add(-limit).Before(r.coverLeast) && v.Action == policy.Lock {
			r.fail("%s is to be closed, and the second reading covers the time since %s at most", v.Account.Name, r.coverLeast)
		}
		r.measureDelay(who, v, p)
	case policy.Leave:
		r.holdIdle(who, v, p)
	}
	r.holdSource(who)
}

// lastKnowable is the latest activity up to the evidence's end that this run can know of. What a log lost lately is found out later,
// and a lock for it is undone then.
func (r *run) lastKnowable(who *person, to time.Time) activity {
	for _, a := range slices.Backward(who.deeds) {
		lost := a.missed() && r.now.Sub(r.harm) < foundWithin
		underWay := a.proof != nil && a.proof.straggled && a.proof.arrives.After(r.now) // it undoes the lock when it comes
		if a.promised() && !a.at.After(to) && !lost && !underWay {
			return a
		}
	}
	return activity{}
}

// holdDrop fails where somebody is dropped who was active within the time.
func (r *run) holdDrop(who *person, v policy.Verdict) {
	limit := time.Duration(r.deleteDays) * day
	before := r.now.Add(time.Second)
	if locked := v.Account.LockedAt; !locked.IsZero() && r.lockDays > 0 {
		before = later(locked, r.evidence.To()) // a role that a DBA let in since may be in what is not read yet
	}
	last := r.lastIrrevocable(who, before)
	unknowable := v.Account.LockedAt.IsZero() && last.missed() && r.now.Sub(r.harm) < foundWithin
	if r.now.Sub(last.at) < limit && !unknowable {
		r.fail("%s is dropped, and was active at %s; locked at %s, evidence to %s", v.Account.Name, last.at, v.Account.LockedAt, r.evidence.To())
	}
}

// lastIrrevocable is when a role was last active, before a time, of what a drop must reckon with. An event that is still on its way, out of
// order, need not have come if the role had been idle for the whole of DELETE before.
func (r *run) lastIrrevocable(who *person, before time.Time) activity {
	var last, underWay activity
	for _, a := range slices.Backward(who.deeds) {
		if !a.at.Before(before) || !a.promised() {
			continue
		}
		if a.proof == nil || !a.proof.straggled || !a.proof.arrives.After(r.now) {
			last = a
			break
		}
		underWay = a
	}
	if underWay.at.Sub(last.at) >= time.Duration(r.deleteDays)*day {
		return last
	}
	return activity{later(last.at, underWay.at), last.proof}
}

// holdLocked fails where somebody is still locked who had been active when he was.
func (r *run) holdLocked(who *person) {
	a := who.account
	if a.LockedAt.IsZero() || a.CanLogin || !a.LockedAt.Before(r.now) || a.Status == account.Active || who.shut && a.LockedAt.Equal(a.LastLogin) {
		return // or it was let in, and shut again
	}
	for _, did := range slices.Backward(who.deeds) {
		if !did.at.Before(a.LockedAt) || !did.promised() || did.proof != nil && did.proof.arrives.After(r.now) || did.missed() && r.now.Sub(r.harm) < foundWithin {
			continue
		}
		if a.LockedAt.Sub(did.at) < time.Duration(a.Lock.LockDays)*day {
			r.fail("%s is locked since %s, and was active at %s", a.Name, a.LockedAt, did.at)
		}
		return
	}
}

// holdUnlock fails where somebody is let in for what the log is said to show of the time of the lock, and did nothing then.
func (r *run) holdUnlock(who *person, v policy.Verdict) {
	a := who.account
	doubt := !a.LastLogin.Before(a.LockedAt.Truncate(time.Second))      // an attempt in the lock's own second may have been before it
	doubt = doubt || r.byRows > 0 || a.Source == evidence.ByUnreadEntry // rows may show an attempt that was turned away
	if r.has.cuts || doubt || !strings.Contains(v.Reason, "the log shows") && !strings.Contains(v.Reason, "log line") {
		return // what a publisher cuts at newlines anybody can forge
	}
	for _, did := range who.deeds {
		if did.at.After(a.Lock.LastActivity) && did.at.Before(a.LockedAt.Add(account.LockSlack)) {
			return
		}
	}
	r.fail("%s, locked at %s, is let in since %s", a.Name, a.LockedAt, v.Reason)
}

// holdIdle fails where somebody is spared who is idle by all the evidence.
func (r *run) holdIdle(who *person, v policy.Verdict, p policy.Policy) {
	start := later(who.account.LastLogin, p.From)
	due := p.Complete && p.LockAfter > 0 && !r.log.Undecided(who.account.Name) && who.account.CanLogin && r.open[who.account.Name] == 0 && who.account.Unlogged == "" &&
		p.To.Sub(start) >= p.LockAfter
	switch {
	case due && !v.Uncovered:
		r.fail("%s is not locked: last known %s, evidence %s to %s", v.Account.Name, who.account.LastLogin, p.From, p.To)
	case due && r.second && !r.coverFrom.After(p.To.Add(-p.LockAfter)):
		r.fail("%s is not locked, since the second reading covers %s to %s only", v.Account.Name, p.SecondFrom, p.SecondTo)
	}
}

// holdSource fails where a role is kept alive by what was none of its doing.
func (r *run) holdSource(who *person) {
	limit := who.excuse
	if r.byRows > 0 || who.account.Source == evidence.ByUnreadEntry { // a row does not tell which login was refused, nor an event delivered twice
		limit = later(limit, who.refusedAt)
	}
	if who.account.LastLogin.After(limit.Add(account.LockSlack)) && who.on == nil && r.open[who.account.Name] == 0 && !r.endedUnseen(who) {
		r.fail("%s counts as active at %s by %s, and was not after %s", who.account.Name, who.account.LastLogin, who.account.Source, limit)
	}
}

// endedUnseen reports a role whose session ended between two runs, of which the log does not tell: it counts until the next that can
// look everywhere.
func (r *run) endedUnseen(who *person) bool { return who.account.Source == "session" }

// holdEvidence fails where the evidence is worth less than what happened explains.
func (r *run) holdEvidence() {
	from, e := r.evidence.From(), r.evidence
	quiet := r.now.Sub(later(r.harm, r.unrest)) > foundWithin && r.now.Sub(r.sums) > summedWithin && r.now.Sub(r.lastRun) > 2*time.Hour
	if r.from.IsZero() {
		r.from = from
	}
	if from.After(r.from) && r.now.Sub(r.harm) > foundWithin && r.now.Sub(r.sums) > summedWithin && r.begun.Before(r.now.Add(-3*day)) {
		r.fail("no log was lost, and the evidence begins anew at %s: %q", from, e.Reasons)
	}
	r.from = from
	if quiet && !r.startsAnew() && r.now.Sub(r.begun) > 5*day && !e.Complete() && !r.hidden && r.second {
		r.fail("nothing stands in the way, and the evidence is not complete: %q", e.Reasons)
	}
	r.holdEnd()
	if r.trusted.IsZero() {
		r.trusted = r.now
	}
}

// startsAnew reports an instance that was started or reloaded so shortly ago that its entries may be on their way.
func (r *run) startsAnew() bool {
	lately := r.now.Add(-r.lag - time.Minute)
	return slices.ContainsFunc(r.live(), func(s *server) bool { return s.started.After(lately) || s.loaded.After(lately) })
}

// measureDelay notes by how much later than due a role is locked.
func (r *run) measureDelay(who *person, v policy.Verdict, p policy.Policy) {
	if v.Action == policy.Lock {
		due := later(who.lastActive(r.now).at, r.begun).Add(p.LockAfter)
		r.late[who.account.Name] = r.now.Sub(due)
	}
}
