package model_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/sweep/evidence"
)

// What becomes of a run.
const (
	runsThrough = iota
	killedAfterLogin
	killedWhileReading
	killedBeforeActing
	killedAfterLocking
	watchesOnly // a dry run
)

// run is a sweep: the same calls as in production, with the world in place of AWS and PostgreSQL.
type run struct {
	*world
	fate      int
	hidden    bool // it cannot look everywhere
	rows      bool // its first reading is of rows
	evidence  *evidence.Evidence
	log       *evidence.Log
	second    bool // the second reading ran to its end
	unmasked  bool
	canaries  map[string]string
	number    int64                // of the last run, as the tables have it
	positions map[string]time.Time // up to where each instance counted as read before
	fromWas   time.Time
}

func (w *world) sweep() {
	r := &run{world: w, rows: w.chance(w.byRows), unmasked: w.masksUntil.IsZero() || w.mayUnmask && !w.untold, canaries: map[string]string{}, positions: map[string]time.Time{}}
	if w.stormy(15) {
		r.fate = killedAfterLogin + w.rng.IntN(watchesOnly)
	}
	if w.begun.IsZero() {
		w.begun = w.now
		w.coverFrom = w.now.Add(-10000 * day)
		if w.retention > 0 {
			w.coverFrom, w.coverLeast = w.now.Add(-w.retention+2*time.Hour), w.now.Add(-w.retention)
		}
	} else if w.retention > 0 && w.now.Sub(w.lastRead) > w.retention-4*day { // what is late may expire before it is read
		w.harmed()
		if w.now.Sub(w.lastRead) > w.retention+w.lag {
			w.coverLeast = w.now.Add(-w.retention)
		}
	}
	if w.retention > 0 && !w.lastCovered.IsZero() && w.now.Sub(w.lastCovered) > w.retention-4*day {
		w.coverFrom = w.now.Add(-w.retention + 2*time.Hour)
	}
	if w.retention > 0 && w.uncovered { // the cover begins anew with the first run that can look everywhere
		w.coverFrom = w.now.Add(-w.retention + 2*time.Hour)
	}
	w.coverFrom = later(w.coverFrom, w.anew)
	r.evidence = evidence.New(w.now, evidence.Options{Lag: w.lag, Longest: w.longest(), Stack: "stack"})
	r.begin()
	if r.fate == killedAfterLogin {
		w.disturbed(w.now)
		return
	}
	if r.fate == killedWhileReading {
		w.disturbed(w.now)
		w.forgetStrangers()
		r.read(w.within(day))
		w.store(r.evidence.Active(), r.evidence.Progress(), nil)
		return
	}
	r.read(0)
	r.log.End()
	r.confirm()
	r.conclude()
	w.lastRun = w.now
	if r.readable() {
		w.lastRead = w.now
	} else {
		w.findsOut(w.now)
	}
	if r.second && !r.hidden {
		w.lastCovered, w.uncovered = w.now, false
	}
	if r.fate == killedBeforeActing {
		w.disturbed(w.now)
		return
	}
	r.decide()
}

// forgetStrangers notes what a run that is killed forgets: instances that no run had looked at, whose streams it has gone past.
func (w *world) forgetStrangers() {
	for _, s := range w.servers {
		if _, known := w.tables.records[s.Name]; !known && w.now.Sub(s.started) < 3*day {
			w.harmed()
		}
	}
}

func (w *world) longest() time.Duration {
	return max(time.Duration(w.lockDays)*day, time.Duration(w.deleteDays)*day, 90*day)
}

// begin looks at everything but the log, and leaves a canary on each instance.
func (r *run) begin() {
	e := r.evidence
	if r.now.Before(r.lineEnd) {
		e.Doubt("There is a database whose name the log cannot carry.")
	}
	live, sightings := r.lookAround()
	var records []account.LogRecord
	for _, name := range slices.Sorted(maps.Keys(r.tables.records)) {
		records = append(records, r.tables.records[name])
		r.positions[name] = r.tables.records[name].ProcessedTo
		r.number = max(r.number, r.tables.records[name].RunNumber)
	}
	e.Enroll(live, records)
	for name, seen := range sightings {
		switch i := e.Named(name); {
		case live == nil:
			e.SeeUntold(seen)
		case i != nil:
			i.See(seen)
		}
	}
	r.log = evidence.NewLog(r.now, r.names())
	e.Watch(r.log)
	for _, name := range e.Groups() {
		e.GroupMade(name, r.anew)
		e.Retain(name, r.retention)
	}
	var progress []account.LogRecord
	if r.fate == killedAfterLogin { // else this is stored again, with more in it
		progress = e.Progress()
	}
	r.store(e.Seen(r.accounts(), r.open), progress, nil)
}

// lookAround logs in on the instances that can be reached.
func (r *run) lookAround() ([]cluster.Instance, map[string]evidence.Sighting) {
	var live []cluster.Instance
	sightings := map[string]evidence.Sighting{}
	r.open = map[string]int{}
	blind := r.chance(r.haze) // RDS does not tell the instances: only the writer is seen
	for _, s := range r.live() {
		hidden := blind && !s.Writer || !s.Writer && r.chance(r.haze)
		r.hidden = r.hidden || hidden
		if hidden && r.now.Before(s.stopped) {
			s.stopped = r.now.Add(26 * time.Hour) // only a run's own login tells
		}
		if hidden && (blind || r.chance(33)) {
			r.evidence.CannotSee("RDS does not tell %s.", s.Name)
			continue
		}
		live = append(live, s.Instance)
		switch {
		case hidden && r.chance(50):
			sightings[s.Name] = evidence.Sighting{Fault: errors.New("no answer")}
			continue
		case hidden:
			r.evidence.CannotSee("The sessions of %s cannot be looked at.", s.Name)
		}
		sightings[s.Name] = r.logIn(s, blind)
		r.watch(s, hidden)
	}
	if blind {
		r.hidden = true
		r.evidence.CannotSee("The instances are not known.")
		return nil, sightings
	}
	if r.hidden {
		r.disturbed(r.now)
	}
	return live, sightings
}

// logIn is the run's own login, which the server counts before or after it tells how many there were.
func (r *run) logIn(s *server, blind bool) evidence.Sighting {
	canary := evidence.NewCanary(r.now)
	r.canaries[s.Name], r.canary = canary, canary
	flushed := r.chance(50)
	if flushed {
		s.count("app")
	}
	if r.now.Sub(s.seen) > 3*day || s.known != s.Name {
		r.harmed() // what was lost since the last look is found out from now on, and nothing that was written under another name
	}
	look := s.lookAt(r.now)
	if !flushed {
		s.count("app")
	}
	if own := r.own(s, canary); blind {
		s.logins = append(s.logins, own) // what it saw of an instance that RDS does not tell is not kept
	} else {
		r.compare(s, look, own)
	}
	s.seen, s.known = r.now, s.Name
	return evidence.Sighting{Canary: canary, Logging: s.logging, Look: look}
}

// own writes the entry of one of the sweep's own logins.
func (w *world) own(s *server, application string) *entry {
	w.pid++
	if s.logging.Connections != "on" {
		return &entry{at: w.now, lost: true}
	}
	c := &client{user: "app_a", database: "app", pid: w.pid, port: 1024 + w.pid%60000}
	message := fmt.Sprintf("connection authorized: user=app_a database=app application_name=%s", application)
	if s.german {
		message = fmt.Sprintf("Verbindung autorisiert: Benutzer=app_a Datenbank=app application_name=%s", application)
	}
	return w.write(s, c, "LOG", message)
}

// watch counts the sessions that are open on an instance.
func (r *run) watch(s *server, hidden bool) {
	for _, p := range r.people {
		if p.on != s {
			continue
		}
		if !hidden {
			r.open[p.account.Name]++
			p.seen = true
			p.deeds = append(p.deeds, activity{at: r.now})
		}
	}
}

func (r *run) accounts() []account.Account {
	var list []account.Account
	for _, p := range r.people {
		list = append(list, p.account)
	}
	return list
}

func (r *run) names() evidence.Names {
	n := evidence.Names{Locked: map[string]time.Time{}, Doubted: map[string]bool{}, Locks: map[string]account.LockRecord{}, Own: map[string]bool{"app_a": true, "app_b": true}, Stack: "stack",
		Roles: []string{"app_a", "app_b", "rdsadmin", "dms"}, Databases: []string{"app", "postgres", "babelfish_db", "rdsadmin"}}
	for _, a := range r.accounts() {
		if a.Unlogged != "" {
			continue
		}
		if !slices.Contains(r.unheard(), a.Name) {
			n.Roles = append(n.Roles, a.Name)
		}
		if !a.LockedAt.IsZero() && !a.CanLogin {
			n.Locked[a.Name], n.Doubted[a.Name], n.Locks[a.Name] = a.LockedAt, a.LockDoubted(), a.Lock
		}
	}
	return n
}

// confirm is the second reading. It may end early.
func (r *run) confirm() {
	r.store(r.evidence.Active(), nil, nil)
	names := r.log.Names()
	names.Roles = append(slices.Clone(names.Roles), r.unheard()...)
	second := evidence.NewSecond(names)
	var spared []account.Activity
	r.second = true
	for _, name := range r.evidence.Groups() {
		for _, s := range r.evidence.SecondReading(name, r.retention) {
			if !r.readable() || r.rng.IntN(2000) < r.storm {
				r.evidence.Doubt("The second reading ended early.")
				r.second = false
				r.disturbed(r.now)
				break
			}
			rows := r.rowsOf(name, s.From, s.To)
			if fault := r.evidence.Contradicts(name, s, rows); fault != "" {
				r.evidence.Doubt("The second reading does not agree with the first: %s.", fault)
				r.second = false
				r.fail("the second reading does not agree with the first: %s", fault)
				break
			}
			for _, row := range rows {
				second.Row(r.heard(row))
			}
			for _, found := range second.End() {
				spared = append(spared, found.Activity())
			}
			r.evidence.Covered(name, s, rows)
		}
	}
	r.store(spared, nil, nil)
}

// conclude judges what the logs are worth, and stores it.
func (r *run) conclude() {
	for _, stream := range r.evidence.Strangers() {
		for _, s := range r.servers {
			for _, to := range s.streams {
				if to.name == stream {
					r.evidence.StreamMade(stream, to.made)
				}
			}
		}
	}
	for _, c := range r.evidence.Recounts() {
		c.Take(r.rowsOf(c.Group, c.From, c.To))
	}
	r.fromWas = r.evidence.From()
	records, forget := r.evidence.Conclude()
	r.store(r.evidence.Active(), records, forget)
	r.holdEvidence()
	r.holdPositions()
	r.holdKnown()
	r.holdExpired()
	r.holdHoles()
	r.holdRestored()
}

// markCommit notes the run's number in the table, then in the log.
func (r *run) markCommit() {
	if r.has.upgrade && r.upgraded.IsZero() {
		return // version 1.0 did not say so
	}
	number := r.evidence.Number()
	r.store(nil, r.evidence.Records(), nil)
	s := r.writer()
	proof := r.own(s, evidence.StoredName("stack", number))
	r.begins(s, "app", proof)
	r.marks = append(r.marks, mark{number, proof})
}
