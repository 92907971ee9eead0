package model_test

import (
	"fmt"
	"slices"
	"time"

	"pgrotator/rotator/account"
)

// soon has something happen before the next run.
func (w *world) soon(end time.Time, do func()) time.Time {
	at := w.now.Add(w.within(end.Sub(w.now)))
	w.todo = append(w.todo, event{at, do})
	return at
}

// disturb lets things happen that a sweep must cope with.
func (w *world) disturb(end time.Time) {
	live := w.live()
	s := live[w.rng.IntN(len(live))]
	if w.has.strangers {
		w.soon(end, w.strange)
		w.soon(end, w.strange)
	}
	if w.has.intrigue && w.chance(30) {
		w.soon(end, w.intrigue)
	}
	w.comeAndGo(end)
	if w.has.delays && w.chance(8) {
		w.delay(s, end)
	}
	if w.has.forms && w.stormy(5) {
		w.soon(end, func() { w.reform(s) })
	}
	if w.has.tongues && w.chance(15) {
		w.soon(end, func() { w.translate(s) })
	}
	if w.stormy(10) {
		w.soon(end, func() { w.reloads(s) })
	}
	if w.has.restarts && w.stormy(4) {
		clean := !w.has.losses || w.chance(60)
		w.soon(end, func() {
			if !s.dead {
				w.restart(s, clean)
			}
		})
	}
	if w.has.crashes && w.stormy(4) {
		w.soon(end, func() {
			if !s.dead {
				w.crash(s)
			}
		})
	}
	if w.stormy(3) {
		w.soon(end, w.promote)
	}
	if w.has.losses {
		w.lose(s, end)
	}
	if w.has.renames && w.stormy(2) {
		w.soon(end, w.rename)
	}
}

// comeAndGo adds instances and takes them away.
func (w *world) comeAndGo(end time.Time) {
	live := w.live()
	if w.stormy(5) && len(live) < 4 {
		w.soon(end, func() { w.addServer() })
	}
	if w.chance(3) && !w.has.apart { // its own group nobody would know of
		var s *server
		w.soon(end.Add(-end.Sub(w.now)/2), func() {
			s = w.addServer()
			if w.has.guests && end.Sub(w.now) < day { // what comes later than in four days is beyond the promise
				w.receive(s, end)
			}
		})
		w.todo = append(w.todo, event{end.Add(-time.Second), func() { w.kill(s) }}) // and it goes again before the run
	}
	if w.chance(4) && len(live) > 2 {
		s := live[w.rng.IntN(len(live))]
		w.soon(end, func() { w.kill(s) })
	}
}

// receive has people log in on an instance that is gone by the next run, and most of its log come after that.
func (w *world) receive(s *server, end time.Time) {
	for _, to := range s.streams {
		to.lateUntil = end.Add(day)
	}
	for n := range 3 {
		p := w.people[w.rng.IntN(len(w.people))]
		if ann := w.named("ann@example.com"); n == 0 && ann != nil && w.has.masking {
			p = ann
		}
		w.soon(end, func() {
			if !s.dead && p.on == nil && p.habit != never {
				w.visit(p, s)
			}
		})
	}
}

// kill deletes a reader. RDS exports what is left when it deletes an instance.
func (w *world) kill(s *server) {
	if s.dead || s.Writer || len(w.live()) < 2 || w.now.Before(s.stopped) || s.logging != goodLogging() {
		return
	}
	for _, p := range w.people {
		if p.on == s && !p.seen {
			w.endSession(p, true)
		}
	}
	w.endSessions(s, !w.unlogged)
	s.dead = true
	w.forgetHoles(s)
	last := w.now.Add(12 * time.Hour)
	for _, to := range s.streams {
		for _, e := range to.entries {
			e.arrives = earlier(e.arrives, last)
			onItsWay := e.arrives.After(w.now)
			e.straggled = e.straggled || onItsWay // the evidence's end does not wait for it
			if onItsWay && e.refuses != nil {
				e.refuses.excuse = later(e.refuses.excuse, e.at)
			}
		}
	}
}

// delay has a stream, or a whole instance, come up to three days late.
func (w *world) delay(s *server, end time.Time) {
	until := end.Add(w.within(4*day) - day)
	for _, to := range s.streams {
		if w.chance(60) {
			to.lateUntil = later(to.lateUntil, earlier(until, w.now.Add(3*day)))
		}
	}
}

// reform changes the form of an instance's entries to another that is read.
func (w *world) reform(s *server) {
	switch w.rng.IntN(3) {
	case 0:
		w.reload(s, func(s *server) { s.verbose = !s.verbose }, "log_error_verbosity", "verbose")
	case 1:
		w.harmed() // that it was one that is read before, its entry does not say
		prefix := shortPrefix
		if s.logging.LinePrefix == shortPrefix {
			prefix = longPrefix
		}
		w.reload(s, func(s *server) { s.logging.LinePrefix = prefix }, "log_line_prefix", prefix)
	case 2:
		w.translate(s)
	}
}

// translate has an instance write in another language for some hours, in which a setting may be changed that hides logins.
func (w *world) translate(s *server) {
	until := w.spell(s, func(s *server) { s.german, s.logging.Messages = true, "de_DE" }, "lc_messages", "de_DE",
		func(s *server) { s.german, s.logging.Messages = false, "C" }, "C")
	if w.has.tongues && until.After(w.now) && w.witnessed() {
		w.soon(until, func() { w.hide(s) })
	}
}

// reloads is an ordinary reload, at which somebody with credentials may put in a word as if the server's own.
func (w *world) reloads(s *server) {
	if s.dead {
		return
	}
	w.reload(s, nil, "", "")
	if eve := w.named("eve"); w.has.intrigue && eve != nil && eve.account.CanLogin && s.vouched == s.pid && w.now.Sub(s.vouchedAt) > 12*day {
		w.raise(s, w.connect(eve))
	}
}

// spell is a setting that is another for some hours, over the next run or not; it returns until when, zero = it is not.
func (w *world) spell(s *server, change func(*server), name, value string, back func(*server), good string) (until time.Time) {
	others := s.logging
	if w.has.tongues && name != "lc_messages" {
		others.Messages = goodLogging().Messages
	}
	if s.dead || others != goodLogging() && s.logging.LinePrefix != longPrefix {
		return time.Time{}
	}
	w.harmed()
	from := w.now
	w.reload(s, change, name, value)
	until = w.now.Add(time.Minute + w.within(30*time.Hour))
	w.todo = append(w.todo, event{until, func() {
		if s.dead {
			return
		}
		w.harmed()
		told := w.reload(s, back, name, good)
		w.harmed()
		hides := name != "lc_messages" // logins, and what the postmaster says of settings, are read in other languages
		if hides && s.vouched == s.pid && w.now.Sub(s.vouchedAt) > agreedFor && !told.lost && !told.straggled && !told.unreadable && w.keepsAll() {
			w.lacks(hole{s, from, told.at, told.arrives, name})
		}
	}})
	return until
}

// witnessed reports that witnesses have agreed with the log for so long that they are trusted.
func (w *world) witnessed() bool {
	return !w.trusted.IsZero() && w.now.Sub(w.trusted) > countsAgreedFor
}

// lose has part of a log not be written, or not arrive. What no run can see at its own login rests on witnesses that have agreed with
// the log before.
func (w *world) lose(s *server, end time.Time) {
	known := w.witnessed()
	if w.has.spells && w.stormy(3) && known {
		w.soon(end, func() { w.hide(s) })
	}
	if w.has.stops && (w.stormy(6) || w.someoneDue(end) && w.chance(80)) && known && w.byRows == 0 && w.haze <= 2 {
		w.soon(end, func() {
			s.stopped = w.now.Add(time.Second + w.within(20*time.Hour))
			if before := end.Add(-time.Minute); before.After(w.now) && w.chance(60) { // the next run sees nothing of it
				s.stopped = earlier(s.stopped, before)
			}
			w.harmed()
			w.work(s, s.stopped)
		})
	}
	if w.has.moves && known && w.chance(4) {
		w.soon(end, func() { w.stopAndRename(s, end) })
	}
	if w.stormy(2) { // over the next run: its own login tells
		w.soon(end, func() { s.stopped = later(s.stopped, end.Add(time.Hour)) })
	}
	if w.has.masking && w.stormy(8) {
		w.soon(end, func() {
			w.masksUntil = w.now.Add(w.within(5 * day))
			w.todo = append(w.todo, event{w.masksUntil.Add(w.within(3 * day)), func() { w.mayUnmask = true }})
		})
	}
	w.restoreOrBackUp(end)
	if w.has.upgrade && w.upgraded.IsZero() && w.now.Sub(w.begun) > 5*day && w.chance(2) {
		w.soon(end, w.stripTables)
	}
}

// someoneDue reports that a role is to be locked by the next run unless it logs in: what is lost until then matters.
func (w *world) someoneDue(end time.Time) bool {
	return w.lockDays > 0 && slices.ContainsFunc(w.people, func(p *person) bool {
		due := later(p.account.LastLogin, w.from).Add(time.Duration(w.lockDays) * day)
		return p.account.CanLogin && p.on == nil && due.After(w.now) && due.Before(end)
	})
}

// work has the application log in, or the configuration be reloaded, while the export of a log is off.
func (w *world) work(s *server, until time.Time) {
	if w.chance(30) {
		w.soon(until, func() { w.reloads(s) })
	}
	for range w.rng.IntN(10) {
		w.soon(until, func() {
			if !s.dead {
				w.begins(s, "app", w.own(s, "orders"))
			}
		})
	}
}

// hide changes a setting on which it depends whether logins show.
func (w *world) hide(s *server) {
	good, bad := account.Logging{}, account.Logging{}
	var name string
	switch w.rng.IntN(4) {
	case 0:
		name, good.Connections, bad.Connections = "log_connections", "on", "off"
	case 1:
		name, good.MinMessages, bad.MinMessages = "log_min_messages", "warning", "fatal"
	case 2:
		name, good.LinePrefix, bad.LinePrefix = "log_line_prefix", shortPrefix, otherPrefix
	case 3:
		name, good.Destination, bad.Destination = "log_destination", "stderr", "csvlog"
	}
	set := func(l account.Logging) func(*server) {
		return func(s *server) {
			for _, f := range []struct{ to, from *string }{{&s.logging.Connections, &l.Connections}, {&s.logging.MinMessages, &l.MinMessages},
				{&s.logging.LinePrefix, &l.LinePrefix}, {&s.logging.Destination, &l.Destination}} {
				if *f.from != "" {
					*f.to = *f.from
				}
			}
		}
	}
	value := func(l account.Logging) string { return l.Connections + l.MinMessages + l.LinePrefix + l.Destination }
	w.spell(s, set(bad), name, value(bad), set(good), value(good))
}

// stopAndRename has the export of an instance's log be off until the instance gets another name, before the next run.
func (w *world) stopAndRename(s *server, end time.Time) {
	if before := end.Add(-time.Minute); !s.dead && before.After(w.now) {
		w.harmed()
		s.stopped = later(s.stopped, w.now.Add(w.within(before.Sub(w.now))))
		w.work(s, s.stopped)
		w.todo = append(w.todo, event{s.stopped, func() { w.renameOne(s) }})
	}
}

// renameOne gives an instance a name that nobody had.
func (w *world) renameOne(s *server) {
	if s.dead || s.known != s.Name {
		return
	}
	w.harmed()
	w.keepCounting(s)
	s.measured = 0
	w.leaveStreams(s)
	s.Name = fmt.Sprintf("db-%d", w.made)
	s.Group = w.groupOf(s.Name)
	w.made++
}

// regroups notes that what was covered of an instance's group is not so of the one that it writes to from now on, where each has its own.
func (w *world) regroups() { w.uncovered = w.uncovered || w.has.apart }

// rename gives an instance another name, or has two exchange theirs.
func (w *world) rename() {
	live := w.live()
	a, b := live[w.rng.IntN(len(live))], live[w.rng.IntN(len(live))]
	if a.known != a.Name || b.known != b.Name {
		return // what it wrote under a name that no run has seen nobody would look for
	}
	if a == b {
		w.renameOne(a)
		return
	}
	w.harmed()
	a.measured, b.measured = 0, 0
	w.forgetHoles(a)
	w.forgetHoles(b)
	for _, s := range []*server{a, b} {
		w.shipRest(s)
		w.leaveStreams(s)
	}
	a.Name, b.Name, a.Group, b.Group = b.Name, a.Name, b.Group, a.Group
}

// shipRest has what an instance wrote arrive before another writes to the streams of its name: a stream comes in order.
func (w *world) shipRest(s *server) {
	for _, to := range s.streams {
		for _, e := range to.entries {
			e.arrives = earlier(e.arrives, w.now.Add(w.lag))
		}
	}
}

// leaveStreams leaves what an instance wrote behind, as what one that is gone wrote.
func (w *world) leaveStreams(s *server) {
	former := *s
	former.dead, former.Writer = true, false
	w.servers = append(w.servers, &former)
	s.streams = nil
}

// restoreOrBackUp copies the tables, with the roles, or puts the copy in their place.
func (w *world) restoreOrBackUp(end time.Time) {
	switch {
	case !w.has.restores || w.lastRun.IsZero(), w.has.upgrade && w.upgraded.IsZero(): // version 1.0 left no mark that would show it
	case w.backup != nil && w.now.Sub(w.backed) > 40*day:
		w.backup = nil // the world forgets what its log held then
	case w.backup == nil && w.chance(3):
		w.backup, w.backed = w.copyTables(), w.now
	case w.backup != nil && w.chance(3):
		w.soon(end, w.restore)
	}
}
