package model_test

import (
	"slices"
	"time"
)

// holdKnown fails where somebody's activity has been delivered, is within what counts as read, and neither known nor outside the
// evidence: whoever has not to be closed today shows a fault as well as whoever has.
func (r *run) holdKnown() {
	if r.hidden || !r.readable() {
		return // what it does not know of it does not claim
	}
	from, to := r.evidence.From(), r.evidence.To()
	for _, who := range r.people {
		if !r.second && slices.Contains(r.unheard(), who.account.Name) || r.log.Undecided(who.account.Name) {
			continue
		}
		if a := who.account; !a.CanLogin || !a.LockedAt.IsZero() || a.Unlogged != "" {
			continue
		}
		at, shown := r.lastDelivered(who, to)
		if at.After(later(who.account.LastLogin, from).Add(time.Millisecond)) { // a session that has ended is noted so much before a run
			r.fail("%s was active at %s (%q), and is known to have been at %s by %s; evidence from %s to %s",
				who.account.Name, at, shown, who.account.LastLogin, who.account.Source, from, to)
		}
	}
}

// holdExpired fails where part of a log expired before it was read, and the evidence goes on as if nothing were.
func (r *run) holdExpired() {
	if r.retention == 0 || r.hidden {
		return
	}
	kept := r.now.Add(-r.retention)
	for _, s := range r.live() {
		before := r.positions[s.Name]
		if s.Created.Before(before) && before.Before(kept) && r.evidence.From().Before(kept) {
			r.fail("%s was read up to %s, its events before %s have expired, and the evidence begins at %s", s.Name, before, kept, r.evidence.From())
		}
	}
}

// lastDelivered is the latest activity up to a time of which there is an entry that has arrived, which is shown, or that a run saw.
func (r *run) lastDelivered(who *person, to time.Time) (at time.Time, shown string) {
	for _, did := range slices.Backward(who.deeds) {
		at := did.at.Truncate(time.Second)
		switch {
		case at.After(to), !did.promised():
		case did.proof == nil && did.at.Before(r.restored):
		case did.proof != nil && (did.proof.lost || did.proof.unreadable || did.proof.arrives.After(r.now)):
		case did.proof == nil:
			return at, ""
		default:
			return at, did.proof.message
		}
	}
	return time.Time{}, ""
}

// holdPositions fails where an instance counts as read beyond what has come of one of its streams.
func (r *run) holdPositions() {
	kept := 4 * day
	if r.retention > 0 {
		kept = min(kept, r.retention-2*time.Hour) // what is about to expire is not read
	}
	for _, s := range r.live() {
		now, before := r.tables.records[s.Name].ProcessedTo, r.positions[s.Name]
		if before.IsZero() || !now.After(before) || r.now.Sub(r.upgraded) < 5*day {
			continue
		}
		for _, to := range s.streams {
			if newest := r.newest(to); newest.After(r.now.Add(-kept)) && newest.Before(now) {
				r.fail("%s counts as read up to %s, and its stream %s up to %s only", s.Name, now, to.name, newest)
			}
		}
	}
}

// holdEnd fails where the evidence ends before what every stream that writes has shown.
func (r *run) holdEnd() {
	if r.hidden || !r.readable() {
		return
	}
	end := r.now.Add(-r.lag)
	for _, s := range r.live() {
		last := r.newestOf(s)
		for _, to := range s.streams {
			if newest := r.newest(to); newest.After(last.Add(-4 * day)) {
				end = earlier(end, newest)
			}
		}
		if len(s.streams) == 0 {
			return
		}
	}
	if end.Sub(r.harm) < waited {
		return // streams that a renamed instance has left off are waited for, by the others' time
	}
	if r.evidence.To().Before(end.Add(-time.Minute - time.Second)) { // a login waits that long for its refusal
		r.fail("every stream has come up to %s, and the evidence ends at %s", end, r.evidence.To())
	}
}

// newest is the latest event of a stream that has arrived; zero = none has.
func (r *run) newest(to *stream) time.Time {
	for _, e := range slices.Backward(to.entries) {
		if !e.lost && !e.arrives.After(r.now) {
			return e.at
		}
	}
	return time.Time{}
}

// newestOf is the latest event of an instance that has arrived: by it, not by the run's time, streams count as writing, as all may be late.
func (r *run) newestOf(s *server) (last time.Time) {
	for _, to := range s.streams {
		last = later(last, r.newest(to))
	}
	return last
}

// holdRestored fails where the log shows a run that the tables do not know, and the evidence goes on as if nothing were.
func (r *run) holdRestored() {
	if !r.unnoticed || r.hidden || !r.readable() {
		return
	}
	if r.number == 0 { // a copy of before any run had committed
		r.unnoticed = false
		return
	}
	for _, m := range r.marks {
		kept := r.retention == 0 || m.proof.at.After(r.now.Add(-r.retention+2*time.Hour))
		if m.number > r.number && kept && !m.proof.lost && !m.proof.unreadable && !m.proof.straggled && !m.proof.arrives.After(r.now) {
			if r.evidence.From().Before(r.restored) {
				r.fail("the tables were restored at %s, and the log shows run %d; evidence from %s", r.restored, m.number, r.evidence.From())
			}
			r.unnoticed = false
			return
		}
	}
}

// mark is the entry by which a run tells its number.
type mark struct {
	number int64
	proof  *entry
}
