package logread

import (
	"hash/maphash"
	"slices"
	"time"
)

// given knows the events that slices gave before they were left, so that the shorter ones in their place do not give them again. An event
// counts by all that it says of itself, which is what was written. Its id is documented as no more than "the ID of the event" (CloudWatch
// Logs API Reference, FilteredLogEvent), not as the same whenever it is read; the order of events, by which their times would do, is
// documented and nothing that a position may rest on. Two events that are alike in all else tell the same.
type given struct {
	held  int       // events of the slice at hand, also those that were given before
	slice []uint64  // what the slice at hand gave
	left  []uint64  // what slices gave that were left, sorted
	until time.Time // where the last of those ended
}

// mostGiven is how many events of a slice are known, and a page more: 2 MB, some forty pages.
const mostGiven = 1 << 18

var eventSeed = maphash.MakeSeed()

// add notes an event of the slice at hand, and reports whether it is to be given.
func (g *given) add(e Event) bool {
	g.held++
	hash := maphash.Comparable(eventSeed, e) // two of a million events are alike once in some ten million slices
	if _, found := slices.BinarySearch(g.left, hash); found {
		return false
	}
	if g.slice == nil {
		g.slice = make([]uint64, 0, mostGiven+10_000) // once: to grow would take as much again
	}
	g.slice = append(g.slice, hash)
	return true
}

// full reports that the slice at hand has given so many events that it is better left.
func (g *given) full() bool { return len(g.slice) >= mostGiven }

// few reports that one of twice the length would not be full. What was given before counts, or a slice in the place of one that was left
// would grow until it is left, too.
func (g *given) few() bool { return g.held < mostGiven/3 }

// within is to, or where what was left ends if that comes first: there all that is known is forgotten, so that it does not grow with the log.
func (g *given) within(from, to time.Time) time.Time {
	if g.until.After(from) {
		return earlier(g.until, to)
	}
	return to
}

// leave notes that the slice at hand, which would have ended at to, is left.
func (g *given) leave(to time.Time) {
	g.left = append(g.left, g.slice...)
	slices.Sort(g.left)
	g.held, g.slice, g.until = 0, g.slice[:0], later(g.until, to)
}

// end notes that the slice at hand was read to its end.
func (g *given) end(to time.Time) {
	g.held, g.slice = 0, g.slice[:0]
	if !to.Before(g.until) {
		g.forget()
	}
}

// forget begins anew: all that was given before is behind what is read now, or was given to somebody else.
func (g *given) forget() { *g = given{slice: g.slice[:0]} }
