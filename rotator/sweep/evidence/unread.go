package evidence

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
)

// unreadKind is what entries that nobody can read have in common.
type unreadKind struct{ stream, shape string }

// unread is how many of a kind there are, and from when to when, in ms since 1970.
type unread struct {
	count    int
	from, to int64
}

func (u *unread) add(r logread.Row) {
	u.count += int(r.Count)
	u.to = max(u.to, r.Latest)
	if u.from == 0 || r.Earliest < u.from {
		u.from = r.Earliest
	}
}

// unreadable gives the latest of a stretch's entries of which nobody can tell who was active, and what they are; zero = there is none. They
// are told, unless the first reading comes upon them as well.
func (e *Evidence) unreadable(group string, rows []logread.Row) (at time.Time, cause string) {
	foreign := foreignStreams(rows)
	for _, r := range rows {
		kind := unreadKind{stream: r.Stream}
		switch {
		case e.log.names.hides(r):
			kind.shape = "masked " + r.Severity
		case foreign[r.Stream] && r.Class == logread.Stamped:
			kind.shape = "entry under another log_line_prefix"
		default:
			continue
		}
		if from := e.ReadFrom(group); milli(r.Earliest).Before(from) {
			e.tellUnread(kind, r)
		}
		if latest := milli(r.Latest); latest.After(at) {
			at, cause = latest, fmt.Sprintf("%s in stream %q", kind.shape, kind.stream)
		}
	}
	return at, cause
}

// foreignStreams are those of which no stamped entry of a stretch has either prefix.
func foreignStreams(rows []logread.Row) map[string]bool {
	foreign := map[string]bool{}
	for _, r := range rows {
		if known, seen := foreign[r.Stream]; r.Class != logread.Unstamped {
			foreign[r.Stream] = r.Class == logread.Stamped && (known || !seen)
		}
	}
	return foreign
}

func (e *Evidence) tellUnread(kind unreadKind, r logread.Row) {
	if e.unread == nil {
		e.unread = map[unreadKind]*unread{}
	}
	if e.unread[kind] == nil {
		e.unread[kind] = &unread{}
	}
	e.unread[kind].add(r)
	if i := e.Named(cluster.InstanceOf(kind.stream)); i != nil {
		if i.unread == nil {
			i.unread = map[string]int{}
		}
		i.unread[kind.shape] += int(r.Count)
	}
}

// judgeSecond doubts a log in which the second reading has come upon what nobody can read.
func (e *Evidence) judgeSecond() {
	kinds := slices.SortedFunc(maps.Keys(e.unread), func(a, b unreadKind) int {
		return cmp.Or(cmp.Compare(a.stream, b.stream), cmp.Compare(a.shape, b.shape))
	})
	for _, kind := range kinds {
		u := e.unread[kind]
		e.Doubt("The second reading found %d entries of stream %q, from %s to %s, of which nobody can tell whose they are (%s): it covers nothing before the last of them, and nobody is closed whose interval begins earlier.",
			u.count, kind.stream, milli(u.from).Format(time.RFC3339), milli(u.to).Format(time.RFC3339), kind.shape)
	}
}
