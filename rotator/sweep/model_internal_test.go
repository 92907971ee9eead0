package sweep

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
)

// world is what really happens over simulated years: people who log in, logs that stop, come late or come twice, instances that
// come and go, runs that are skipped or killed. It knows the truth, against which every verdict is held.
type world struct {
	t         *testing.T
	rng       *rand.Rand
	options   Options
	now       time.Time
	retention time.Duration
	unlogged  bool // log_disconnections is off: a session's end is known by the runs that saw it, so that each lasts a few runs
	haze      int  // percent of the runs that cannot look everywhere
	servers   []*server
	people    []*person
	records   map[string]account.LogRecord
	open      map[string]int // sessions that the last run saw
	pid       int
	made      int  // instances
	calm      bool // no log is lost: the evidence must never begin anew
	locks     int
}

// server is an instance with its log.
type server struct {
	cluster.Instance
	dead      bool
	silent    bool // its logins are not logged (log_connections is off), or with mute its log is not exported
	mute      bool
	lateUntil time.Time
	entries   []entry
}

// entry is a line and when it arrives. A log arrives in order.
type entry struct {
	at, arrives time.Time
	message     string
}

// person is a role with its row, and what it really did.
type person struct {
	account  account.Account
	habit    habit
	next     time.Time
	refused  bool // its attempts are refused
	on       *server
	until    time.Time   // when the session on it ends
	active   []time.Time // ends of activity
	unlocked bool        // by a DBA, since the last run
}

// habit is how often somebody logs in.
type habit int

const (
	never habit = iota
	daily
	barely  // mostly just in time, so that a single login missed shows
	tooLate // mostly just after the time, at the moment of the lock
	anyhow
)

const modelStep = 24 * time.Hour

func TestModelNeverLocksWhoIsActive(t *testing.T) {
	t.Parallel()
	const batches = 4
	seeds := 2000
	if testing.Short() || underRace {
		seeds = 200
	}
	for batch := range batches {
		t.Run(fmt.Sprintf("batch %d", batch), func(t *testing.T) {
			t.Parallel()
			runWorlds(t, batch*seeds/batches, (batch+1)*seeds/batches)
		})
	}
}

func runWorlds(t *testing.T, from, to int) {
	locks := 0
	for seed := from; seed < to; seed++ {
		w := newWorld(t, uint64(seed))
		for range 300 + w.rng.IntN(200) {
			w.step()
			if t.Failed() {
				t.Fatalf("seed %d, %s", seed, w.now)
			}
		}
		locks += w.locks
	}
	if locks < to-from {
		t.Errorf("%d locks in %d worlds: the model hardly tests them", locks, to-from)
	}
}

func newWorld(t *testing.T, seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 2))
	w := &world{t: t, rng: rng, now: time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC), records: map[string]account.LogRecord{},
		calm: rng.IntN(3) == 0, unlogged: rng.IntN(2) == 0}
	w.options = Options{LockDays: 20 + rng.IntN(80), Lag: time.Duration(rng.IntN(600)) * time.Second}
	switch rng.IntN(4) {
	case 0:
		w.options.DeleteDays = w.options.LockDays + 1 + rng.IntN(60)
	case 1:
		w.options.LockDays, w.options.DeleteDays = 0, w.options.LockDays
	}
	if !w.calm {
		w.retention = []time.Duration{0, 0, 3 * day, 7 * day, 30 * day}[rng.IntN(5)]
	}
	w.haze = []int{2, 2, 25}[rng.IntN(3)]
	w.addServer()
	w.addServer()
	for n := range 6 {
		p := &person{account: account.Account{OID: int64(n + 1), Name: fmt.Sprintf("p%d", n), Quoted: fmt.Sprintf("p%d", n), CanLogin: true,
			Tracked: true, Status: account.Active, LastLogin: w.now, StatusChanged: w.now, Directly: true}}
		p.habit = []habit{never, daily, barely, barely, tooLate, anyhow}[n]
		p.refused = n == 1 && rng.IntN(3) == 0
		p.next = w.now.Add(w.within(modelStep))
		w.people = append(w.people, p)
	}
	return w
}

func (w *world) addServer() *server {
	s := &server{Instance: cluster.Instance{Name: fmt.Sprintf("db-%d", w.made), Group: "/aws/rds/cluster/c/postgresql",
		Created: w.now, Writer: w.made == 0}}
	w.made++
	if w.made <= 2 {
		s.Created = w.now.Add(-100 * day)
	}
	w.servers = append(w.servers, s)
	return s
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) within(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d))) }

// step lets a day or more pass, and sweeps.
func (w *world) step() {
	pause := modelStep - time.Hour + w.within(2*time.Hour)
	switch {
	case w.chance(2) && !w.unlogged:
		pause += w.within(50 * day)
	case w.chance(3):
		pause = time.Minute + w.within(time.Hour)
	}
	end := w.now.Add(pause)
	stopped := w.disturb(end)
	for w.now.Before(end) {
		w.now = w.now.Add(min(w.within(6*time.Hour)+time.Second, end.Sub(w.now)))
		w.live()
	}
	w.sweep(stopped)
	w.forget()
	for _, s := range w.servers {
		if s.silent && w.chance(60) {
			s.silent = false
		}
	}
}

// forget drops old lines, which no run reads any more: the longest stretch without a run is shorter.
func (w *world) forget() {
	for _, s := range w.servers {
		old, _ := slices.BinarySearchFunc(s.entries, w.now.Add(-70*day), func(e entry, t time.Time) int { return e.at.Compare(t) })
		if old > 500 {
			s.entries = slices.Clone(s.entries[old:])
		}
	}
	w.servers = slices.DeleteFunc(w.servers, func(s *server) bool {
		return s.dead && len(s.entries) > 0 && w.now.Sub(s.entries[len(s.entries)-1].at) > 60*day
	})
}

// disturb lets things happen that a sweep must cope with. A log that stops stays so over the run that follows: an outage
// between two runs leaves no trace that any sweep could find.
func (w *world) disturb(end time.Time) (stopped bool) {
	if w.chance(10) {
		w.servers[w.rng.IntN(len(w.servers))].lateUntil = end.Add(w.within(4*day) - day)
	}
	if w.chance(5) && w.alive() < 4 {
		w.addServer()
	}
	if w.chance(3) && len(w.servers) > 2 && w.now.Add(modelStep).Before(end) {
		w.addServer() // and it goes again before the run
		w.kill(w.servers[len(w.servers)-1])
	}
	if w.chance(4) && len(w.servers) > 2 {
		w.kill(w.servers[2+w.rng.IntN(len(w.servers)-2)])
	}
	if !w.calm && w.chance(3) {
		if s := w.servers[w.rng.IntN(len(w.servers))]; !s.dead {
			s.silent, s.mute, stopped = true, w.chance(50), true
		}
	}
	return stopped
}

func (w *world) alive() int {
	n := 0
	for _, s := range w.servers {
		if !s.dead {
			n++
		}
	}
	return n
}

func (w *world) kill(s *server) {
	if s.silent || w.unlogged && slices.ContainsFunc(w.people, func(p *person) bool { return p.on == s }) {
		return
	}
	s.dead = true
	for i := range s.entries { // RDS exports what is left when it deletes an instance
		if last := w.now.Add(12 * time.Hour); s.entries[i].arrives.After(last) {
			s.entries[i].arrives = last
		}
	}
	s.lateUntil = time.Time{}
	for _, p := range w.people {
		if p.on == s {
			w.endSession(p)
		}
	}
}

// live lets people do what is due.
func (w *world) live() {
	for _, p := range w.people {
		if p.on != nil {
			p.active = append(p.active, w.now)
			if !w.now.Before(p.until) {
				w.endSession(p)
			}
			continue
		}
		if p.habit == never || w.now.Before(p.next) {
			continue
		}
		p.next = w.now.Add(w.absence(p.habit))
		w.visit(p)
	}
	for _, s := range w.servers {
		if !s.dead && !(s.silent && s.mute) {
			w.deliver(s, w.now.Format(time.DateTime)+" UTC::@:[7]:LOG:  checkpoint starting: time")
		}
	}
}

// absence is the time until the next login.
func (w *world) absence(h habit) time.Duration {
	limit := w.options.lockAfter()
	if limit == 0 {
		limit = w.options.deleteAfter()
	}
	switch {
	case h == daily || w.chance(20):
		return day
	case h == barely:
		return limit - 9*time.Hour - w.within(12*time.Hour)
	case h == tooLate:
		return limit + w.within(26*time.Hour)
	}
	return w.within(limit + 3*day)
}

// visit is an attempt to log in, and where it is let in, a session.
func (w *world) visit(p *person) {
	s := w.servers[w.rng.IntN(len(w.servers))]
	if s.dead {
		s = w.servers[0]
	}
	w.pid++
	w.log(s, p.account.Name, "LOG:  connection authorized: user="+p.account.Name+" database=app")
	switch {
	case !p.account.CanLogin:
		w.log(s, p.account.Name, `FATAL:  role "`+p.account.Name+`" is not permitted to log in`)
		if w.chance(50) {
			p.account.CanLogin, p.unlocked = true, true
			p.active = append(p.active, w.now)
		}
		return
	case p.refused:
		w.log(s, p.account.Name, `FATAL:  too many connections for role "`+p.account.Name+`"`)
		return
	}
	p.active = append(p.active, w.now)
	if w.chance(20) {
		p.on, p.until = s, w.now.Add(4*day+w.within(60*day))
	}
}

func (w *world) endSession(p *person) {
	p.active = append(p.active, w.now)
	if !w.unlogged {
		w.log(p.on, p.account.Name, fmt.Sprintf("LOG:  disconnection: session time: 0:00:01.000 user=%s database=app host=10.0.0.1 port=%d", p.account.Name, 1000+w.pid%50000))
	}
	p.on = nil
}

// log writes a line, at a whole second, that arrives in order and mostly within the lag.
func (w *world) log(s *server, user, message string) {
	if s.silent {
		return
	}
	w.deliver(s, fmt.Sprintf("%s UTC:10.0.0.1(%d):%s@app:[%d]:%s", w.now.Format(time.DateTime), 1000+w.pid%50000, user, w.pid, message))
}

func (w *world) deliver(s *server, message string) {
	e := entry{at: w.now.Truncate(time.Second), arrives: w.now.Add(w.within(w.options.Lag + 1)), message: message}
	if s.lateUntil.After(e.arrives) {
		e.arrives = s.lateUntil
	}
	// A refusal arrives with the attempt: the server writes both within moments.
	if n := len(s.entries); n > 0 && (s.entries[n-1].arrives.After(e.arrives) || strings.Contains(message, "FATAL")) {
		e.arrives = s.entries[n-1].arrives
	}
	s.entries = append(s.entries, e)
	if w.chance(3) {
		s.entries = append(s.entries, e)
	}
}

// What ends a run early.
const (
	runsThrough = iota
	killedAfterLogin
	killedWhileReading
	killedBeforeActing
	killedAfterLocking
	watchesOnly // a dry run
)

// sweep is a run: the same calls as in production, with the world in place of AWS and PostgreSQL.
func (w *world) sweep(mustLogIn bool) {
	fate := runsThrough
	if w.chance(15) {
		fate = killedAfterLogin + w.rng.IntN(watchesOnly)
	}
	e, f := newEvidence(w.now, w.options), newFold([]string{"app_a", "p0", "p1", "p2", "p3", "p4", "p5"}, []string{"app"}, map[string]bool{"app_a": true})
	w.logIn(e, f, mustLogIn)
	if fate == killedAfterLogin {
		return
	}
	if fate == killedWhileReading {
		w.feed(e, f, w.within(24*time.Hour))
		w.store(e.active(f), e.progress(f), nil)
		return
	}
	w.feed(e, f, 0)
	f.end()
	before := e.claim()
	records, forget := e.conclude(f)
	w.store(e.active(f), records, forget)
	if w.calm && e.claim().After(before) {
		w.t.Errorf("no log was lost, and the evidence begins anew at %s: %q", e.claim(), e.reasons)
	}
	if fate == killedBeforeActing {
		return
	}
	w.act(e, fate)
}

// logIn looks at the live instances and leaves a canary on each.
func (w *world) logIn(e *evidence, f *fold, mustLogIn bool) {
	var live []cluster.Instance
	blind := !mustLogIn && w.chance(w.haze) // RDS does not tell the instances: only the writer is seen
	sightings := map[string]sighting{}
	open := map[string]int{}
	for _, s := range w.servers {
		if s.dead {
			continue
		}
		hidden := !s.Writer && (blind || !mustLogIn && w.chance(w.haze))
		if hidden && (blind || w.chance(33)) {
			e.cannotSee("RDS does not tell %s.", s.Name)
			continue
		}
		live = append(live, s.Instance)
		if hidden && w.chance(50) {
			sightings[s.Name] = sighting{fault: fmt.Errorf("no answer")}
			continue
		}
		if hidden {
			e.cannotSee("The sessions of %s cannot be looked at.", s.Name)
		}
		canary := newCanary(w.now)
		w.pid++
		w.log(s, "app_a", "LOG:  connection authorized: user=app_a database=app application_name="+canary)
		sightings[s.Name] = sighting{canary: canary, logging: account.Logging{Connections: "on"}}
		if s.silent && !s.mute {
			sightings[s.Name] = sighting{canary: canary, logging: account.Logging{Connections: "off"}}
		}
		for _, p := range w.people {
			if p.on == s && !hidden {
				open[p.account.Name]++
			}
		}
	}
	w.open = open
	if blind {
		live, sightings = nil, nil
		e.cannotSee("The instances are not known.")
	}
	var records []account.LogRecord
	for _, r := range w.records {
		records = append(records, r)
	}
	e.enroll(live, records)
	for name, seen := range sightings {
		e.named(name).sighting = seen
	}
	e.watch(f)
	for _, group := range e.groups() {
		e.retain(group, w.retention)
	}
	w.store(e.seen(w.accounts(), open), e.progress(f), nil)
}

func (w *world) accounts() []account.Account {
	var list []account.Account
	for _, p := range w.people {
		list = append(list, p.account)
	}
	return list
}

// feed reads the logs in slices; a limit ends it early.
func (w *world) feed(e *evidence, f *fold, limit time.Duration) {
	for _, group := range e.groups() {
		from, to := e.readFrom(group), w.now.Truncate(time.Second).Add(time.Second)
		if limit > 0 {
			to = from.Add(limit)
		}
		for from.Before(to) {
			end := from.Add(8 * time.Hour)
			if end.After(to) {
				end = to
			}
			w.feedSlice(f, from, end)
			f.endSlice()
			from = end
		}
		if limit == 0 {
			e.groupRead(group)
		}
	}
}

func (w *world) feedSlice(f *fold, from, to time.Time) {
	for _, s := range w.servers {
		first, _ := slices.BinarySearchFunc(s.entries, from, func(e entry, t time.Time) int { return e.at.Compare(t) })
		for _, e := range s.entries[first:] {
			if !e.at.Before(to) {
				break
			}
			kept := w.retention == 0 || e.at.After(w.now.Add(-w.retention))
			if kept && !e.arrives.After(w.now) {
				f.add(s.Name+".0", e.at.UnixMilli(), e.message)
			}
		}
	}
}

// store does as sql/sweep/store.sql.
func (w *world) store(active []account.Activity, records []account.LogRecord, forget []string) {
	for _, a := range active {
		for _, p := range w.people {
			row := &p.account
			if row.Name == a.Role && a.At.After(row.LastLogin) && (row.LockedAt.IsZero() || a.At.Before(row.LockedAt.Add(clockSlack))) {
				row.LastLogin = a.At
			}
		}
	}
	for _, r := range records {
		w.records[r.Instance] = r
	}
	for _, name := range forget {
		delete(w.records, name)
	}
}

// act judges everybody, holds the verdicts against the truth, and carries them out.
func (w *world) act(e *evidence, fate int) {
	pol := policy{options: w.options, now: w.now, complete: e.complete(), from: e.from(), to: e.to(), doubted: e.doubted}
	for _, p := range slices.Clone(w.people) {
		s := subject{Account: p.account, sessions: w.open[p.account.Name]}
		v := pol.judge(s)
		w.holdAgainstTruth(p, v, pol)
		if fate != watchesOnly {
			w.carryOut(p, v, fate)
		}
	}
	if fate == killedAfterLocking {
		return
	}
	w.store(nil, e.settled(), nil)
	if pol.complete && fate == runsThrough {
		for _, p := range w.people {
			w.holdLocked(p, pol)
		}
	}
}

// lastActive is when a person was really active last, before a time; zero = never.
func (p *person) lastActive(before time.Time) time.Time {
	for i := len(p.active) - 1; i >= 0; i-- {
		if p.active[i].Before(before) {
			return p.active[i]
		}
	}
	return time.Time{}
}

// holdAgainstTruth fails the test where a verdict would hit somebody active, or spare somebody idle.
func (w *world) holdAgainstTruth(p *person, v verdict, pol policy) {
	limit := w.options.lockAfter()
	if v.action == drop || limit == 0 {
		limit = w.options.deleteAfter()
	}
	last := p.lastActive(w.now.Add(time.Second))
	switch v.action {
	case lock, drop, markReady:
		// What happened after the evidence ends cannot be known yet: a lock for it is undone by the next complete run, and nobody
		// is dropped who could have logged in meanwhile.
		if !last.After(pol.to) && w.now.Sub(last) < limit {
			w.t.Errorf("%s is to be %v, and was active at %s, evidence %s to %s", v.account.Name, v.action, last, pol.from, pol.to)
		}
		if v.action == drop && !v.account.LockedAt.IsZero() && w.options.LockDays > 0 && w.now.Sub(last) < limit {
			w.t.Errorf("%s is to be dropped, and was active at %s", v.account.Name, last)
		}
	case leave:
		w.holdIdle(p, v, pol, last)
	}
}

// holdIdle fails the test where somebody is spared who is idle by all the evidence.
func (w *world) holdIdle(p *person, v verdict, pol policy, last time.Time) {
	start := later(later(last, v.account.LastLogin), pol.from)
	if pol.complete && w.options.LockDays > 0 && p.account.CanLogin && p.on == nil && pol.to.Sub(start) >= w.options.lockAfter() {
		w.t.Errorf("%s is not locked: last active %s, evidence %s to %s", v.account.Name, last, pol.from, pol.to)
	}
	if p.refused && v.account.LastLogin.After(pol.from) && len(p.active) == 0 && pol.to.Sub(v.account.LastLogin) < day && pol.to.Sub(pol.from) > 30*day && v.account.StatusChanged.Equal(v.account.LastLogin) == false && !p.unlocked {
		w.t.Errorf("%s counts as active at %s, and every attempt of it was refused", v.account.Name, v.account.LastLogin)
	}
}

// holdLocked fails the test where somebody is still locked after a complete run who had been active when he was locked.
func (w *world) holdLocked(p *person, pol policy) {
	a := p.account
	if a.LockedAt.IsZero() || a.CanLogin || !a.LockedAt.Before(pol.now) || a.Status == account.Active {
		return
	}
	if last := p.lastActive(a.LockedAt.Add(time.Second)); a.LockedAt.Sub(last) < time.Duration(a.Lock.LockDays)*day {
		w.t.Errorf("%s is locked since %s, and was active at %s", a.Name, a.LockedAt, last)
	}
}

// carryOut does to the role and its row what production does.
func (w *world) carryOut(p *person, v verdict, fate int) {
	row := &p.account
	set := func(status string) { row.Status, row.StatusChanged = status, w.now }
	switch v.action {
	case reactivate:
		set(account.Active)
		row.LastLogin, row.LockedAt, p.unlocked = w.now, time.Time{}, false
	case unlock:
		set(account.Active)
		row.CanLogin, row.LockedAt, row.LastLogin = true, time.Time{}, later(row.LastLogin, v.last)
	case lock:
		w.locks++
		set(account.Locked)
		row.CanLogin, row.LockedAt = false, w.now
		row.Lock = account.LockRecord{LastActivity: v.last, LockDays: w.options.LockDays}
		w.slipIn(p, fate)
	case drop:
		if p.on == nil && w.nobodySlips(p, v) {
			w.people = slices.DeleteFunc(w.people, func(q *person) bool { return q == p })
		}
	case markReady, markActive, markLocked:
		set(v.action.status())
	}
}

// slipIn lets somebody log in while the lock is committed. The look afterwards sees it, if the run lives.
func (w *world) slipIn(p *person, fate int) {
	if !w.chance(5) || p.habit == never {
		return
	}
	w.pid++
	w.log(w.servers[0], p.account.Name, "LOG:  connection authorized: user="+p.account.Name+" database=app")
	p.active = append(p.active, w.now)
	p.on, p.until = w.servers[0], w.now.Add(4*day+w.within(60*day))
	if fate == runsThrough {
		w.carryOut(p, verdict{action: unlock, last: w.now}, fate)
	}
}

// nobodySlips is the wait for this run's own login before a role is dropped that could log in until now.
func (w *world) nobodySlips(p *person, v verdict) bool {
	if w.options.LockDays > 0 {
		return true
	}
	for _, s := range w.servers {
		if !s.dead && (s.silent || s.lateUntil.After(w.now)) {
			return false
		}
	}
	return w.now.Sub(p.lastActive(w.now.Add(time.Second))) >= w.options.deleteAfter()
}
