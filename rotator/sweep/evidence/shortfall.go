package evidence

import (
	"fmt"
	"slices"
	"time"
)

// shortfall is by how many the logins in the log fell short of the sessions that a server counted from one look to the next.
type shortfall struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Missing int64     `json:"missing"` // mostly negative: logins near a look count for the stretches on both its sides
	Near    int64     `json:"near"`    // those near the later look
}

const (
	// carriedFor is for how long what the log fell short of is added up.
	carriedFor = 7 * day
	// carriedApart is how long a stretch may be that is made of shorter ones, where runs are frequent.
	carriedApart = day / 2
	// carriedToAgree is over how long a time the log must have borne out the counts, all looks in it taken together, until they are trusted
	// so: by then sessions that never have an entry, if only one a day, have shown.
	carriedToAgree = 6 * day
	// tolerated is how many logins may be missing so: those that came later than is waited for.
	tolerated = 2
)

// carry adds what the log fell short of between two looks to what it did before. Of a few logins that are missing, others near the looks,
// which count in full each time, make up for; over several looks they count once.
func (e *Evidence) carry(i *Instance, s shortfall) {
	w := &i.witnesses
	if last := len(w.Short) - 1; last >= 0 && !w.Short[last].To.Equal(s.From) {
		w.Short = nil
	}
	w.append(s)
	w.Short = slices.DeleteFunc(w.Short, func(old shortfall) bool { return old.From.Before(s.To.Add(-carriedFor)) })
	since, missing := w.missing()
	switch {
	case missing == 0:
		if len(w.Short) > 0 && s.To.Sub(w.Short[0].From) >= carriedToAgree {
			w.agree(bySums)
		}
		return
	case e.trusted(bySums):
		e.breakBetween(i, Look{At: since}, Look{At: s.To}, fmt.Sprintf("the server counted %d sessions more than the log holds logins, all looks in between taken together: the export of its log stopped at times, log_connections was off, or log files were deleted", missing))
	default:
		e.Note("The server of instance %s counted %d sessions more from %s to %s than its log holds logins, all looks in between taken together; whether the two ever agree so on this cluster is not known yet.",
			i.Instance, missing, since.Format(time.RFC3339), s.To.Format(time.RFC3339))
	}
	w.Short = nil
}

// append adds a shortfall to those before, or to the last of them where both are of a short time.
func (w *witnesses) append(s shortfall) {
	if last := len(w.Short) - 1; last >= 0 && s.To.Sub(w.Short[last].From) <= carriedApart {
		before := w.Short[last]
		w.Short[last] = shortfall{before.From, s.To, before.Missing + before.Near + s.Missing, s.Near}
		return
	}
	w.Short = append(w.Short, s)
}

// missing finds the shortest time up to the last look in which more logins are missing than is tolerated, and how many; 0 = there is none.
func (w witnesses) missing() (since time.Time, missing int64) {
	last := len(w.Short) - 1
	for n, s := range slices.Backward(w.Short) {
		if missing += s.Missing; n < last {
			missing += s.Near
		}
		if missing > tolerated {
			return s.From, missing
		}
	}
	return time.Time{}, 0
}
