package evidence

import (
	"slices"
	"time"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
)

const (
	// longestQuiet is how long an instance may write nothing. One that runs writes checkpoints, and each run's own login; RDS starts one that
	// is stopped again after seven days (Amazon RDS User Guide, "Stopping an Amazon RDS DB instance temporarily").
	longestQuiet = 8 * day
	// firstEntryAfter is how long after an instance was made its log begins at the latest.
	firstEntryAfter = time.Hour
)

// reach is since when, and up to when, the second reading has had rows of an instance without a longer silence. Before that there may be
// no log: its group may have been made anew, or have kept events for less time than it does now.
type reach struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// with is a reach with the rows of a stretch. Of what a longer silence parts only the latest counts.
func (r reach) with(rows []reach) reach {
	spans := slices.Clone(rows)
	if !r.To.IsZero() {
		spans = append(spans, r)
	}
	slices.SortFunc(spans, func(a, b reach) int { return a.From.Compare(b.From) })
	var latest reach
	for _, s := range spans {
		if latest.To.IsZero() || s.From.Sub(latest.To) > longestQuiet {
			latest = s
		}
		latest.To = later(latest.To, s.To)
	}
	return latest
}

// extendReach takes the rows of a stretch of a group into the reach of its instances.
func (e *Evidence) extendReach(group string, rows []logread.Row) {
	spans := map[string][]reach{}
	for _, r := range rows {
		if r.Class == logread.Stamped || r.Class == logread.Unstamped {
			continue // the log's twins and the rest of entries
		}
		name := cluster.InstanceOf(r.Stream)
		spans[name] = append(spans[name], reach{milli(r.Earliest), milli(r.Latest)})
	}
	for _, i := range e.Instances {
		if i.Group == group {
			i.reach = i.reach.with(spans[i.Instance])
		}
	}
}

// GroupMade notes when a group was made: before that it held nothing.
func (e *Evidence) GroupMade(group string, at time.Time) {
	for _, i := range e.Instances {
		if i.Group == group {
			i.groupMade = at
		}
	}
}

// logBegins is since when there is a log of an instance; zero = the second reading has had no row of it.
func (i *Instance) logBegins() time.Time {
	if i.reach.To.IsZero() {
		return time.Time{}
	}
	return later(i.reach.From, i.groupMade)
}

// wholeLog reports that the log of an instance goes back to where it was made.
func (i *Instance) wholeLog() bool {
	return !i.reach.To.IsZero() && !i.created.IsZero() && !i.logBegins().After(i.created.Add(firstEntryAfter))
}

// logsBegin is since when there is a log of every instance that lives, but for those that have all theirs since they were made, which was
// later; zero = there is none of one.
func (e *Evidence) logsBegin() time.Time {
	var from time.Time
	var all []reach
	for _, i := range e.Instances {
		begins := i.logBegins()
		switch {
		case begins.IsZero() && i.Live:
			return time.Time{}
		case i.Live && !i.wholeLog():
			from = later(from, begins)
		}
		if !begins.IsZero() {
			all = append(all, reach{begins, later(begins, i.reach.To)})
		}
	}
	if from.IsZero() { // what was there before them nobody knows but by the logs of those that are gone
		return reach{}.with(all).From
	}
	return from
}
