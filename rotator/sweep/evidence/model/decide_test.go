package model_test

import (
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/policy"
)

// decide judges everybody, holds the verdicts against the truth, and carries them out.
func (r *run) decide() {
	e, second := r.evidence, r.evidence.SecondCover()
	p := policy.Policy{LockAfter: time.Duration(r.lockDays) * day, DeleteAfter: time.Duration(r.deleteDays) * day, Now: r.now, Complete: e.Complete(),
		From: e.From(), To: e.To(), ArrivedTo: e.ArrivedTo(), Doubted: e.Doubted, ProvenTo: e.ProvenTo(), SecondFrom: second.From, SecondTo: second.To}
	if p.Complete {
		r.completed++
	}
	for _, who := range slices.Clone(r.people) {
		s := policy.Subject{Account: who.account, Sessions: r.open[who.account.Name], Exempt: who.account.Unlogged, Undecided: r.log.Undecided(who.account.Name)}
		v := p.Judge(s)
		r.holdVerdict(who, v, p)
		if r.fate != watchesOnly {
			r.carryOut(who, v)
		}
	}
	if r.fate == killedAfterLocking {
		return
	}
	if r.fate != watchesOnly {
		r.store(nil, e.Settled(), nil)
	}
	r.markCommit()
	if r.fate == runsThrough {
		r.holdLocksOfHoles()
	}
	if p.Complete && r.fate == runsThrough {
		for _, who := range r.people {
			r.holdLocked(who)
		}
	}
}

// carryOut does to the role and its row what production does.
func (r *run) carryOut(who *person, v policy.Verdict) {
	row := &who.account
	set := func(status string) { row.Status, row.StatusChanged = status, r.now }
	switch v.Action {
	case policy.Reactivate:
		set(account.Active)
		row.LastLogin, row.LockedAt = r.now, time.Time{}
		who.excuse = r.now
	case policy.Unlock:
		r.holdUnlock(who, v)
		set(account.Active)
		row.CanLogin, row.LockedAt, row.LastLogin = true, time.Time{}, later(row.LastLogin, v.Last)
	case policy.Lock:
		r.lock(who, v)
	case policy.Drop:
		if who.on == nil && (row.LockedAt.IsZero() == false || r.nothingOnItsWay(who)) {
			r.holdDrop(who, v)
			r.drops++
			r.people = slices.DeleteFunc(r.people, func(q *person) bool { return q == who })
		}
	case policy.MarkReady, policy.MarkActive, policy.MarkLocked:
		set(v.Action.Status())
	}
}

// lock locks a role, unless the look just before finds it active. Somebody may slip in while it is committed; the look afterwards sees
// that, if the run lives.
func (r *run) lock(who *person, v policy.Verdict) {
	row := &who.account
	r.locks++
	row.Status, row.StatusChanged = account.Locked, r.now
	row.CanLogin, row.LockedAt, who.shut = false, r.now, false
	row.Lock = account.LockRecord{At: r.now, LastActivity: v.Last, LockDays: r.lockDays}
	if !r.chance(r.slipping()) || who.habit == never {
		return
	}
	s := r.writer()
	c := r.connect(who)
	proof := r.authorize(s, c, who.tds)
	r.begins(s, c.database, proof)
	r.did(who, proof)
	who.on, who.session, who.began, who.until, who.seen = s, c, r.now, r.now.Add(4*day+r.within(60*day)), false
	if r.has.slips && r.chance(50) {
		r.fate = killedAfterLocking
		r.comesLate(proof)
	}
	if r.fate == runsThrough {
		who.seen = true
		v.Action, v.Last = policy.Unlock, r.now
		r.carryOut(who, v)
	}
}

// comesLate has an entry come days after those that follow it.
func (w *world) comesLate(e *entry) {
	e.arrives, e.straggled, e.beyond = w.now.Add(day+w.within(2*day)), true, true
	w.harmed()
	w.disturbed(e.arrives)
}

// slipping is in how many of a hundred cases somebody logs in as he is locked.
func (w *world) slipping() int {
	if w.has.slips {
		return 50
	}
	return 5
}

// nothingOnItsWay is the wait for this run's own logins before a role is dropped that could log in until now.
func (r *run) nothingOnItsWay(who *person) bool {
	tail := r.log.Again()
	for instance, canary := range r.canaries {
		tail.Await(instance, canary)
	}
	waited := *r
	world := *r.world
	waited.world = &world
	world.now = r.now.Add(max(r.lag, time.Minute))
	for _, group := range r.evidence.Groups() {
		waited.each(group, r.evidence.TailFrom(), world.now, func(_ *server, stream string, e *entry) {
			tail.Event(logread.Event{Stream: stream, At: e.at.UnixMilli(), Ingested: e.arrives.UnixMilli(), Message: r.event(e)})
		})
	}
	tail.End()
	return tail.FoundAll() && !slices.Contains(tail.ActiveRoles(), who.account.Name)
}
