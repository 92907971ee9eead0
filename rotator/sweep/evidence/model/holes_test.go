package model_test

import (
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/sweep/evidence"
)

// hole is a stretch in which something is missing from an instance's log, with a witness that shows it: the sweep must find it out.
type hole struct {
	server   *server
	from, to time.Time
	by       time.Time // a run that begins later has found it
	what     string
}

// lack is what the log lacks between two looks, as the counts of sessions tell. A login just after the later look, which that look has not
// counted, may have been before it, as far as whoever reads the log can tell: it makes up for one that is missing.
type lack struct {
	hole
	short int64    // by so many logins
	lost  []*entry // what is missing
}

const (
	// waited is how long what is missing is waited for at most, from the look that saw it.
	waited = 5*day + 2*time.Minute
	// agreedFor is how long ago a witness must have agreed with a log to be trusted for certain: that may have waited, too.
	agreedFor = 6 * day
	// countsAgreedFor is the same for counts of sessions, from the first run on.
	countsAgreedFor = 9 * day
	// lookSlack is how far the count of sessions and the entries of logins may be apart.
	lookSlack = 5 * time.Second
)

// lacks notes a hole.
func (w *world) lacks(h hole) { w.holes = append(w.holes, h) }

// begins is a session's beginning, which the server counts, and proof its entry. A database that is dropped before the next look
// takes its count with it, and its entry bears out no other's.
func (w *world) begins(s *server, database string, proof *entry) {
	if database == passing {
		return
	}
	s.count(database)
	s.logins = append(s.logins, proof)
	if proof.to == nil { // the server has not written it
		s.missing = append(s.missing, proof)
	}
	w.makeUp(s, proof)
}

// makeUp takes a login into account that has begun after the last look.
func (w *world) makeUp(s *server, proof *entry) {
	l := s.lacking
	if l == nil || proof.at.After(l.to.Add(lookSlack)) {
		return
	}
	if l.short -= written([]*entry{proof}); l.short <= 0 {
		forgive(l.lost)
		s.lacking = nil
	}
}

// uncount is a server's statistics gone: what its log lost since the last look no count will tell.
func (s *server) uncount() {
	clear(s.sessions)
	s.uncounted = true
}

// count counts a session in a database.
func (s *server) count(database string) {
	c := s.sessions[database]
	c.Count++
	s.sessions[database] = c
}

// compare holds what a look at an instance shows, and the one before, against what of it the log can ever hold.
func (w *world) compare(s *server, look evidence.Look, own *entry) {
	before := s.look
	since := before.At.Add(-lookSlack)
	s.logins = slices.DeleteFunc(append(s.logins, own), func(e *entry) bool { return e.at.Before(since.Truncate(time.Second)) })
	w.confirmLack(s)
	var lacking *lack
	if own.lost || own.unreadable {
		w.lacks(hole{s, w.now, w.now, w.now.Add(waited), "the sweep's own login"})
	}
	expired := w.retention > 0 && w.now.Sub(before.At) > w.retention-4*day // in part: then nothing is counted
	if !before.At.IsZero() && (s.known == s.Name || s.moved) && w.keepsAll() && !expired {
		if short := growth(before, look) - written(s.logins); short > 0 && !s.uncounted && w.countsAgreed() {
			lacking = &lack{hole{s, before.At, look.At, look.At.Add(waited), "logins"}, short, s.missing}
		}
		if reloaded := !look.Loaded.Equal(before.Loaded) && look.Loaded.After(look.Started); reloaded && s.reloaded.lost && w.reloadsAgreed() {
			w.lacks(hole{s, before.At, look.At, look.At.Add(waited), "a reload"})
		}
	}
	if found := func(h hole) bool { return h.server == s && h.to.After(before.At) }; lacking == nil && !slices.ContainsFunc(w.holes, found) {
		forgive(s.missing)
	}
	s.missing, s.lacking, s.moved = nil, lacking, false
	w.vouch(s, look, before)
	s.look, s.uncounted = look, false
	s.logins = slices.DeleteFunc(s.logins, func(e *entry) bool { return e.at.Before(w.now.Add(-lookSlack)) })
}

// forgive has no promise rest on what is missing and no witness shows: of a few logins the counts of two looks do not tell.
func forgive(missing []*entry) {
	for _, e := range missing {
		e.beyond = true
	}
}

// forgiveLost has no promise rest on what any log has lost so far.
func (w *world) forgiveLost() {
	for _, p := range w.people {
		for _, did := range p.deeds {
			if did.proof != nil && did.proof.lost {
				did.proof.beyond = true
			}
		}
	}
}

// confirmLack notes the hole that the last look has shown, now that no login makes up for it any more.
func (w *world) confirmLack(s *server) {
	if s.lacking != nil {
		w.lacks(s.lacking.hole)
	}
	s.lacking = nil
}

// vouch notes a reload that a look saw and the log shows: by it the sweep learns who the postmaster is, and that the two agree.
func (w *world) vouch(s *server, look, before evidence.Look) {
	shown := s.reloaded != nil && !s.reloaded.arrives.After(w.now.Add(w.lag)) && !s.reloaded.lost && !s.reloaded.unreadable && !s.reloaded.straggled && (w.byRows == 0 || !s.reloaded.german)
	if w.now.Sub(before.At) > 4*day || !look.Loaded.After(look.Started) || before.Loaded.Equal(look.Loaded) || !shown {
		return
	}
	if s.vouched != s.pid {
		s.vouched, s.vouchedAt = s.pid, w.now
	}
	if s.agreed.IsZero() {
		s.agreed = w.now
	}
}

// passing is a database that is made and dropped again between two looks.
const passing = "ci_4711"

// keepsAll reports that nothing expires while it is waited for.
func (w *world) keepsAll() bool { return w.retention == 0 || w.retention >= 30*day }

// countsAgreed reports that counts of sessions have agreed with a log, of events that are read whole.
func (w *world) countsAgreed() bool {
	return w.byRows == 0 && w.deaf != firstReading && w.witnessed()
}

func (w *world) reloadsAgreed() bool {
	return slices.ContainsFunc(w.live(), func(s *server) bool { return !s.agreed.IsZero() && w.now.Sub(s.agreed) > agreedFor })
}

// growth is by how much the counts of the databases grew that both looks know.
func growth(before, look evidence.Look) (n int64) {
	for database, now := range look.Sessions {
		if known, ok := before.Sessions[database]; ok && known.OID == now.OID {
			n += now.Count - known.Count
		}
	}
	return n
}

// written counts entries of logins that the log holds, or will: one that came twice may count twice.
func written(logins []*entry) (n int64) {
	for _, e := range logins {
		if !e.lost && !e.unreadable {
			n++
		}
		if e.twice {
			n++
		}
	}
	return n
}

// forgetHoles drops what nobody can find out any more: of an instance that is gone or renamed, or (nil) of all, as the tables are.
func (w *world) forgetHoles(s *server) {
	w.holes = slices.DeleteFunc(w.holes, func(h hole) bool { return s == nil || h.server == s })
	for _, each := range w.servers {
		if s == nil || each == s {
			each.look, each.vouched, each.agreed, each.lacking, each.moved = evidence.Look{}, 0, time.Time{}, nil, false
		}
	}
	if s == nil {
		w.trusted = time.Time{}
	}
}

// keepCounting forgets what is known of an instance that gets a name that nobody had, but for what its counts of sessions tell: those go on,
// unless it is renamed again while what they tell of the last time is waited for.
func (w *world) keepCounting(s *server) {
	look, lacking, holes := s.look, s.lacking, slices.Clone(w.holes)
	w.forgetHoles(s)
	again := w.now.Sub(s.movedAt) < waited+2*day
	if s.movedAt = w.now; again {
		return
	}
	s.look, s.lacking, s.moved = look, lacking, true
	for _, h := range holes {
		if h.server == s && h.what == "logins" {
			w.lacks(h)
		}
	}
}

// holdHoles fails where the evidence claims a stretch that lacks something, once that must have been found out.
func (r *run) holdHoles() {
	if r.hidden || !r.readable() {
		return
	}
	for _, h := range r.holes {
		if r.now.After(h.by) && r.evidence.From().Before(h.to.Truncate(time.Second)) {
			r.fail("the log of %s lacks %s between %s and %s, and the evidence begins at %s", h.server.Name, h.what, h.from, h.to, r.evidence.From())
		}
	}
}

// holdLocksOfHoles fails where a lock stands that was made in a stretch that has turned out to lack something.
func (r *run) holdLocksOfHoles() {
	if r.hidden || !r.readable() {
		return
	}
	for _, h := range r.holes {
		for _, who := range r.people {
			a := who.account
			in := a.Lock.At.After(h.from) && !a.Lock.At.After(h.to) // LockedAt moves on when the role seems to have been let in since
			if r.now.After(h.by) && in && !a.LockedAt.IsZero() && !a.CanLogin && a.Status != account.Active && !(who.shut && a.LockedAt.Equal(a.LastLogin)) {
				r.fail("%s is locked since %s still, and the log of %s lacked %s between %s and %s", a.Name, a.Lock.At, h.server.Name, h.what, h.from, h.to)
			}
		}
	}
	r.world.holes = slices.DeleteFunc(r.world.holes, func(h hole) bool { return r.now.After(h.by) })
}
