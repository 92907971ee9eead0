package secret

import (
	"fmt"
	"time"
)

// grace is what a rotation may be late: a window is up to a day long, and attempts that fail are repeated within it.
const grace = day

// Overdue says why the rotation of a secret has stopped, and since when; "" = it has not, as far as the service tells. A secret that
// never was to rotate is not overdue.
//
//	rotation is off, and the secret has rotated before    it was switched off: cancel-rotate-secret does so
//	on, and the next rotation's day is past by a day       the window was missed, or every attempt failed
//	on, and nothing is scheduled                           the schedule was never made
//	on, and the last one is longer ago than its interval   the same, told by the rules alone
func (d Description) Overdue(now time.Time) (why string, since time.Time) {
	off := d.Enabled == nil || !*d.Enabled
	switch {
	case off && d.LastRotated.IsZero():
		return "", time.Time{}
	case off:
		return "it rotated last on " + date(d.LastRotated) + ", and rotation is switched off", d.LastRotated.Add(d.Interval)
	case !d.NextRotation.IsZero() && now.After(d.NextRotation.Add(grace)):
		return "it was to rotate by " + date(d.NextRotation), d.NextRotation
	case d.NextRotation.IsZero() && d.Interval == 0:
		return "rotation is on, and nothing is scheduled", d.LastRotated
	case !d.LastRotated.IsZero() && d.Interval > 0 && now.After(d.LastRotated.Add(d.Interval+grace)):
		return fmt.Sprintf("it rotated last on %s, and rotates every %s", date(d.LastRotated), days(d.Interval)), d.LastRotated.Add(d.Interval)
	}
	return "", time.Time{}
}

func date(t time.Time) string {
	return t.UTC().Format(time.DateOnly)
}
