package evidence

import (
	"slices"
	"time"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/loginlog"
	"pgrotator/rotator/logread"
)

// Rows have no time of their own for each entry. What they leave open is asked of rows of a stretch that is cut to the question: how many
// logins there were between two looks, and whether a server that was killed had written anything within the lag before.

// Recount is a stretch of a group's log whose rows are wanted.
type Recount struct {
	Group string
	Stretch
	take []func([]logread.Row)
}

// Take takes in the stretch's rows, all of them.
func (c Recount) Take(rows []logread.Row) {
	for _, take := range c.take {
		take(rows)
	}
}

// together is how far the looks of one run at the instances of a group may be apart to be asked about at once.
const together = time.Minute

// maxTails bounds the restarts of an instance that are asked about in one run.
const maxTails = 5

// Recounts says what is still to be read in rows, once the readings are over and before they are concluded.
func (e *Evidence) Recounts() []Recount {
	e.settle()
	var looks, tails []Recount
	for _, i := range e.Instances {
		for _, c := range e.recountLooks(i) {
			looks = join(looks, c)
		}
		tails = append(tails, e.recountTails(i)...)
	}
	return slices.Concat(looks, tails)
}

// join adds a stretch to those that are wanted already, or to one of them.
func join(list []Recount, c Recount) []Recount {
	for n, other := range list {
		if other.Group == c.Group && other.From.Sub(c.From).Abs() <= together && other.To.Sub(c.To).Abs() <= together {
			list[n] = Recount{c.Group, Stretch{earlier(other.From, c.From), later(other.To, c.To)}, slices.Concat(other.take, c.take)}
			return list
		}
	}
	return append(list, c)
}

// recountLooks wants the logins between each pair of looks that was read in rows, and of which nothing is to come any more.
func (e *Evidence) recountLooks(i *Instance) []Recount {
	var list []Recount
	looks := i.witnesses.Looks
	for n := 1; n < len(looks) && e.passed(i, looks[n].At); n++ {
		a, b, w := looks[n-1], looks[n], &i.log.windows[n-1]
		if e.recountable(i, a, b) {
			list = append(list, recountOf(i.Group, a.At.Add(-lookSlack), b.At.Add(lookSlack+time.Second), func(rows []logread.Row) { w.recounted = i.sessionsOf(rows) }))
		}
	}
	return list
}

// recountOf is about whole seconds.
func recountOf(group string, from, to time.Time, take func([]logread.Row)) Recount {
	return Recount{group, Stretch{from.Truncate(time.Second), to.Truncate(time.Second)}, []func([]logread.Row){take}}
}

// recountWithin is for how long a pair of looks waits at most for its logins to be counted.
const recountWithin = lostAfter + 4*day

// recountable reports a pair of looks whose logins rows can count: the log still holds them, and has called logins by the same words.
func (e *Evidence) recountable(i *Instance, a, b Look) bool {
	kept := i.keptFrom.IsZero() || a.At.Add(-lookSlack).After(i.keptFrom)
	return i.Live && kept && i.log.newest != 0 && i.witnesses.Former == "" && e.Start.Before(b.At.Add(recountWithin)) &&
		(a.InRows || !i.log.counting) && !a.Uncounted && a.Good && b.Good && !b.reloaded(a) && sum(growth(a, b)) > 0
}

// sessionsOf counts the authorized logins in rows of an instance, less those that were refused, by the database that counts their sessions.
func (i *Instance) sessionsOf(rows []logread.Row) map[string]int64 {
	byNames := map[string]int64{}
	for _, r := range rows {
		switch {
		case cluster.InstanceOf(r.Stream) != i.Instance || r.Replication:
		case r.Class == logread.Login:
			byNames[r.Names] += r.Count
		case r.Class == logread.Refusal:
			byNames[r.Names] -= r.Count
		}
	}
	sums := map[string]int64{}
	for names, n := range byNames {
		if database, known := i.log.databaseIn(names); known && n > 0 {
			sums[database] += n
		}
	}
	return sums
}

// databaseIn is the database of "user@database", of those whose sessions a look counts.
func (in *instanceLog) databaseIn(names string) (database string, known bool) {
	for at := range len(names) {
		if names[at] != '@' {
			continue
		}
		if database, known = in.databases[names[at+1:]]; known {
			return database, true
		}
	}
	return "", false
}

// recountTails wants the last moments before each restart that a look tells of and that was not clean.
func (e *Evidence) recountTails(i *Instance) []Recount {
	var list []Recount
	if i.log.counting || i.Group == "" {
		return nil
	}
	for n := range i.log.entries {
		start := &i.log.entries[n]
		if start.entry != loginlog.Starting || len(list) == maxTails || !i.log.tellsOfLook(start.entry, start.at) || !i.log.recovered(start.at) {
			continue
		}
		list = append(list, recountOf(i.Group, start.at.Add(-max(e.options.Lag, entrySlack)), start.at, func(rows []logread.Row) { start.before = i.lastOf(rows) }))
	}
	return list
}

// recovered reports that a server which started at a time said that it had not been shut down.
func (in *instanceLog) recovered(start time.Time) bool {
	return slices.ContainsFunc(in.entries, func(s serverEntry) bool {
		return s.entry == loginlog.NotShutDown && !s.at.Before(start) && s.at.Sub(start) <= recoveryWithin
	})
}

// lastOf is the latest entry of an instance in rows; zero = there is none.
func (i *Instance) lastOf(rows []logread.Row) (last time.Time) {
	for _, r := range rows {
		if cluster.InstanceOf(r.Stream) == i.Instance {
			last = later(last, milli(r.Latest))
		}
	}
	return last
}
