package evidence

import (
	"time"

	"pgrotator/rotator/cluster"
)

const (
	// firstEntryAfter is how long after an instance was made its log group is, at the latest, if it is its first.
	firstEntryAfter = time.Hour
	// groupTellsAfter is how old a group must be to limit what is covered. In one that was made since the last run the login of that run is
	// missing, by which nobody is closed.
	groupTellsAfter = day
)

// GroupMade notes when a group was made: before that it held nothing. Zero = not known.
func (e *Evidence) GroupMade(group string, at time.Time) {
	for _, i := range e.Instances {
		if i.Group == group {
			i.groupMade = at
		}
	}
}

// logsBegin is since when each instance that lives has a log, as far as the age of its group tells; zero = for ever. One with a
// group of its own, as old as it is itself, has all of its log.
func (e *Evidence) logsBegin() (from time.Time) {
	for _, i := range e.living() {
		young := e.Start.Sub(i.groupMade) < groupTellsAfter
		whole := !cluster.SharedGroup(i.Group) && !i.created.IsZero() && !i.groupMade.After(i.created.Add(firstEntryAfter))
		if !young && !whole {
			from = later(from, i.groupMade)
		}
	}
	return from
}
