package model_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
)

// world is what really happens over simulated years: people who log in, logs that stop, come late, twice or in pieces, instances that
// come and go, strangers, runs that are skipped or killed. It knows the truth, against which every verdict is held.
type world struct {
	seed       uint64
	rng        *rand.Rand
	aside      *rand.Rand // of what is drawn apart all along
	now        time.Time
	lockDays   int
	deleteDays int
	lag        time.Duration
	retention  time.Duration
	has        features
	storm      int  // how often something happens, of ten
	unlogged   bool // log_disconnections is off: a session's end is known by the runs that saw it
	haze       int  // percent of the runs that cannot look everywhere
	byRows     int  // percent of the runs whose first reading is of rows
	mayUnmask  bool // logs:Unmask is allowed
	untold     bool // nobody is told of a data protection policy: asterisks are read

	servers     []*server
	people      []*person
	tables      tables
	backup      *tables // an older copy
	backed      time.Time
	open        map[string]int // sessions that the run at hand sees
	canary      string
	pid         int
	made        int // instances
	todo        []event
	checkpoints map[string]row

	deaf        reading   // which of the two does not know whose somebody's entries are
	lineEnd     time.Time // until when there is a database whose name holds a line end
	masksUntil  time.Time
	holes       []hole
	marks       []mark
	restored    time.Time // when the tables were last restored; zero = never
	unnoticed   bool      // no run can have noticed that yet
	upgraded    time.Time // when the tables were last as 1.0 left them; zero = never
	begun       time.Time // the first run
	lastRun     time.Time
	lastRead    time.Time // the last one that could read the log
	lastCovered time.Time // the last one whose second reading ran to its end, everywhere
	harm        time.Time // the latest moment at which part of a log was lost or could not be vouched for
	sums        time.Time // the same, as far as counts of sessions that are added up are concerned
	unrest      time.Time // until when what happened may keep the evidence incomplete
	uncovered   bool      // of the group of some instance nothing is known to be covered
	coverFrom   time.Time // since when the second reading can have covered all
	coverLeast  time.Time // before it nothing can have been covered, since the log did not keep it
	anew        time.Time // when the log groups were made; zero = nobody tells
	from        time.Time // of the evidence, as the last run that concluded told
	trusted     time.Time // the first run whose count of sessions can agree with the log; zero = there was none
	faults      []string
	locks       int
	drops       int
	completed   int
	late        map[string]time.Duration // by how much later than due a role was locked
}

// features are what a world has besides the ordinary.
type features struct {
	losses, stragglers, delays, streams, strangers, intrigue, shutAgain, masking, forms, restarts, crashes, spells, stops, restores, renames bool
	upgrade, apart, cuts, lapses, guests, brinks, forgers, moves, anew, staff, tongues, slips                                                bool
}

// event is something that is to happen.
type event struct {
	at time.Time
	do func()
}

// groupOf is the log group of an instance: that of a cluster, or each has its own.
func (w *world) groupOf(instance string) string {
	if w.has.apart {
		return cluster.InstanceGroup(instance)
	}
	return "/aws/rds/cluster/c/postgresql"
}

func newWorld(seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 7))
	flag := func() bool { return rng.IntN(2) == 0 }
	w := &world{seed: seed, rng: rng, now: time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC), tables: tables{records: map[string]account.LogRecord{}},
		unlogged: flag(), late: map[string]time.Duration{}, checkpoints: map[string]row{}, pid: 10_000, mayUnmask: flag(), untold: flag()}
	w.has = features{losses: rng.IntN(3) > 0, stragglers: flag(), delays: flag(), streams: flag(), strangers: flag(), intrigue: flag(), shutAgain: flag(),
		masking: rng.IntN(3) == 0, forms: flag(), restarts: flag(), crashes: flag(), spells: flag(), stops: flag(), restores: rng.IntN(4) == 0, renames: rng.IntN(3) == 0,
		upgrade: rng.IntN(4) == 0, apart: rng.IntN(4) == 0, cuts: rng.IntN(3) == 0}
	w.lockDays, w.lag = 10+rng.IntN(40), time.Duration(rng.IntN(600))*time.Second
	switch rng.IntN(4) {
	case 0:
		w.deleteDays = w.lockDays + 1 + rng.IntN(60)
	case 1:
		w.lockDays, w.deleteDays = 0, w.lockDays
	}
	w.storm, w.haze = []int{1, 3, 10}[rng.IntN(3)], []int{0, 2, 10}[rng.IntN(3)]
	if w.has.losses {
		w.retention = []time.Duration{0, 0, 3 * day, 7 * day, 30 * day}[rng.IntN(5)]
		if w.retention > 0 {
			w.haze = min(w.haze, 2)
		}
		w.has.delays = w.has.delays && w.retention != 3*day
	}
	w.byRows = []int{0, 0, 0, 5, 100}[rng.IntN(5)]
	w.deaf = []reading{noReading, firstReading, secondReading, secondReading}[rng.IntN(4)]
	if w.deaf == firstReading && w.lockDays == 0 {
		w.deaf = noReading // of whom it drops without a lock, a run makes sure by the first alone
	}
	w.gain(rand.New(rand.NewPCG(seed, 11)))
	w.gainTongues(rand.New(rand.NewPCG(seed, 13)))
	if rng := rand.New(rand.NewPCG(seed, 17)); rng.IntN(6) == 0 && w.lockDays > 0 && !w.has.lapses { // somebody logs in as he is locked, and that comes to light late
		w.has.slips, w.unlogged = true, true
	}
	w.addServer()
	w.addServer()
	w.cast()
	return w
}

// gain has a world have what worlds did not have at first. It is drawn apart, so that a world without it is what it was.
func (w *world) gain(rng *rand.Rand) {
	w.has.guests = rng.IntN(4) == 0
	switch kind := rng.IntN(10); kind {
	case 0:
		w.has.lapses, w.has.delays, w.retention, w.unlogged, w.haze = true, true, 7*day, false, min(w.haze, 2)
	case 1, 2:
		w.has.brinks, w.has.stragglers, w.has.delays, w.unlogged, w.retention = true, true, true, true, 0
		if kind == 1 { // whoever is dropped was never locked, so that nothing else waits for what comes late
			w.lockDays, w.deleteDays = 0, cmp.Or(w.lockDays, w.deleteDays)
			w.deaf = noReading
		} else {
			w.lockDays, w.deleteDays = cmp.Or(w.lockDays, w.deleteDays), 0
		}
	case 3, 6: // little but what is missing of a log just before a lock, and in half of these worlds strangers who forge refusals
		w.has.losses, w.has.stops, w.retention, w.byRows, w.haze, w.storm = true, true, 0, 0, 0, 1
		w.lockDays, w.deleteDays = cmp.Or(w.lockDays, w.deleteDays), 0
		if kind == 6 {
			w.has.strangers, w.has.cuts, w.has.forgers = true, true, true
		}
	case 4: // somebody whose name is masked logs in where no run has been
		w.has.losses, w.has.masking, w.untold, w.has.guests, w.has.apart = true, true, true, true, false
	}
	if rng.IntN(8) == 3 && !w.has.lapses && !w.has.brinks { // an instance whose log has stopped gets another name
		w.has.moves, w.has.renames, w.has.losses, w.has.stops, w.retention, w.byRows, w.haze = true, true, true, true, 0, 0, 0
	}
	w.has.staff, w.aside = rng.IntN(2) == 0, rng
	w.has.anew = rand.New(rand.NewPCG(w.seed, 13)).IntN(2) == 0
}

// gainTongues has settings that hide logins be changed, in an eighth of the worlds, while entries are in another language.
func (w *world) gainTongues(rng *rand.Rand) {
	if rng.IntN(8) > 0 {
		return
	}
	w.has.tongues, w.has.forms, w.has.spells, w.has.losses, w.storm = true, true, true, true, max(w.storm, 3)
	if rng.IntN(2) == 0 {
		w.byRows = 100
	}
}

func (w *world) addServer() *server {
	name := w.newName()
	s := &server{Instance: cluster.Instance{Name: name, ResourceID: fmt.Sprintf("db-%d", w.made), Group: w.groupOf(name), Created: w.now, Writer: w.made == 0},
		logging: goodLogging(), started: w.now.Add(time.Duration(w.made) * time.Microsecond), loaded: w.now.Add(-4 * time.Millisecond), sessions: map[string]account.SessionCount{}, width: 1}
	if w.has.streams {
		s.width = 1 + w.rng.IntN(3)
	}
	w.made++
	w.pid++
	s.pid = w.pid
	if w.made <= 2 {
		s.Created = w.now.Add(-100 * day)
	} else {
		w.write(s, nil, "LOG", "starting PostgreSQL 15.14 on aarch64, 64-bit")
		w.write(s, nil, "LOG", "database system is ready to accept read-only connections")
	}
	w.servers = append(w.servers, s)
	w.disturbed(w.now)
	return s
}

// newName is a name that no instance has, at times one that an instance had which is gone.
func (w *world) newName() string {
	name := fmt.Sprintf("db-%d", w.made)
	if !w.has.renames || !w.chance(30) {
		return name
	}
	for _, s := range w.servers {
		taken := slices.ContainsFunc(w.live(), func(live *server) bool { return live.Name == s.Name })
		if s.dead && !taken {
			w.regroups() // what is covered of the former's group is not the other's where a run could not look when it was made
			for _, other := range w.live() {
				if other.ResourceID == s.ResourceID { // it had that name before, and its counts are compared with that name's log no more
					w.forgetHoles(other)
				}
			}
			return s.Name
		}
	}
	return name
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

// stormy is a chance that something happens that the evidence suffers from.
func (w *world) stormy(percent int) bool { return w.rng.IntN(1000) < percent*w.storm }

func (w *world) within(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d))) }

// live are the instances there are, in the order of their making.
func (w *world) live() []*server {
	var list []*server
	for _, s := range w.servers {
		if !s.dead {
			list = append(list, s)
		}
	}
	return list
}

func (w *world) writer() *server {
	live := w.live()
	return live[slices.IndexFunc(live, func(s *server) bool { return s.Writer })]
}

// harmed notes that part of a log is lost, or cannot be vouched for, until now.
func (w *world) harmed() {
	w.harm, w.sums = w.now, w.now
	w.disturbed(w.now)
}

// disturbed notes that evidence may be incomplete for some days after a time.
func (w *world) disturbed(until time.Time) { w.unrest = later(w.unrest, until) }

// fail notes what must not be.
func (w *world) fail(format string, args ...any) {
	w.faults = append(w.faults, w.now.Format(time.DateTime)+": "+fmt.Sprintf(format, args...))
}

// step lets a day or more pass, and sweeps.
func (w *world) step() {
	pause := day - time.Hour + w.within(2*time.Hour)
	switch behind := w.behind(); {
	case w.chance(2) && !w.unlogged:
		pause += w.within(50 * day)
		w.pauses(pause)
	case day < behind && behind < w.retention-day && w.has.lapses && w.chance(30): // part of what is not read yet expires, and the last run's own login does not
		pause = w.retention - w.within(behind)
		w.pauses(pause)
	case w.chance(3):
		pause = time.Minute + w.within(time.Hour)
	}
	end := w.now.Add(pause)
	w.disturb(end)
	w.pass(end)
	w.sweep()
	w.forget()
}

// pauses notes that no run comes for a time.
func (w *world) pauses(pause time.Duration) {
	w.disturbed(w.now.Add(pause))
	w.findsOut(w.now.Add(pause))
	for _, s := range w.servers {
		if w.retention > 0 && w.now.Sub(s.vouchedAt) < agreedFor {
			s.vouched, s.agreed = 0, time.Time{} // it may expire before it is read
		}
	}
}

// findsOut notes that what was lost lately is found out no earlier than at a time.
func (w *world) findsOut(at time.Time) {
	if w.now.Sub(w.harm) < foundWithin {
		w.harm = at
	}
	if w.now.Sub(w.sums) < summedWithin {
		w.sums = at
	}
}

// behind is how long ago what is not read yet of a live instance was written.
func (w *world) behind() time.Duration {
	to := w.now
	for _, s := range w.live() {
		if read, known := w.tables.records[s.Name]; known {
			to = earlier(to, read.ProcessedTo)
		}
	}
	return w.now.Sub(to)
}

// pass lets the time pass until a moment.
func (w *world) pass(end time.Time) {
	for w.now.Before(end) {
		next := earlier(w.now.Add(w.within(8*time.Hour)+time.Second), end)
		slices.SortFunc(w.todo, func(a, b event) int { return a.at.Compare(b.at) })
		for len(w.todo) > 0 && !w.todo[0].at.After(next) {
			e := w.todo[0]
			w.todo = w.todo[1:]
			w.now = later(w.now, e.at)
			e.do()
		}
		w.now = later(w.now, next)
		w.act()
		for _, s := range w.live() {
			w.write(s, nil, "LOG", w.in(s, "checkpoint starting: time", "Checkpoint beginnt: Zeit"))
			if w.has.staff {
				w.tend(s)
			}
		}
	}
}

// forget drops old events, which no run reads any more: the longest stretch without a run is shorter.
func (w *world) forget() {
	for _, s := range w.servers {
		for _, to := range s.streams {
			old := 0
			for old < len(to.entries) && to.entries[old].at.Before(w.now.Add(-70*day)) {
				old++
			}
			if old > 500 {
				to.entries = slices.Clone(to.entries[old:])
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
