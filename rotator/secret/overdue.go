package secret

import "time"

// grace is what a rotation may be late: a window is up to a day long, and attempts that fail are repeated within it.
const grace = day

// Overdue says why the rotation of a secret has stopped, and since when; "" = it has not, as far as the service tells. A secret that
// never was to rotate is not overdue.
//
//	rotation is off, and the secret has rotated before    it was switched off: cancel-rotate-secret does so
//	on, and the next rotation's day is past by a day       the window was missed, or every attempt failed
//	on, and nothing is scheduled                           the schedule was never made
//	on, and the last one is longer ago than its interval   the same, told by the rules alone
//
// Where there was no rotation yet the time counts from the secret's making.
func (d Description) Overdue(now time.Time) (why string, since time.Time) {
	last, when := d.LastRotated, "it rotated last on "+date(d.LastRotated)
	if last.IsZero() {
		last, when = d.Created, "it has never rotated since it was made on "+date(d.Created)
	}
	off := d.Enabled == nil || !*d.Enabled
	switch {
	case off && d.LastRotated.IsZero():
		return "", time.Time{}
	case off:
		return when + ", and rotation is switched off", last.Add(d.Interval)
	case !d.NextRotation.IsZero() && now.After(d.NextRotation.Add(grace)):
		return "it was to rotate by " + date(d.NextRotation), d.NextRotation
	case d.LastRotated.IsZero() && !d.NextRotation.IsZero(): // the first is still ahead, however old the secret is
		return "", time.Time{}
	case d.NextRotation.IsZero() && d.Interval == 0:
		return "rotation is on, and nothing is scheduled", last
	case !last.IsZero() && d.Interval > 0 && now.After(last.Add(d.Interval+grace)):
		return when + ", and rotates every " + days(d.Interval), last.Add(d.Interval)
	}
	return "", time.Time{}
}

func date(t time.Time) string {
	return t.UTC().Format(time.DateOnly)
}
