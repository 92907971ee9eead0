package logread

import (
	"testing"
	"time"
)

// A busy stretch is read in slices that neither grow until they are left again nor go beyond what was left before all of it is forgotten.
func TestGivenIsForgotten(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	middle, until := from.Add(time.Hour), from.Add(12*time.Hour)
	var g given
	add := func(events int) (gave int) {
		for n := range events {
			if g.add(Event{At: int64(n)}) {
				gave++
			}
		}
		return gave
	}
	if end := g.within(from, until); !end.Equal(until) {
		t.Errorf("the first slice ends at %s", end)
	}
	if gave := add(mostGiven); gave != mostGiven || !g.full() {
		t.Fatalf("%d events of %d are given, full %t", gave, mostGiven, g.full())
	}
	g.leave(until)
	if gave := add(mostGiven / 2); gave != 0 || g.full() || g.few() {
		t.Errorf("%d events are given again, full %t, few %t", gave, g.full(), g.few())
	}
	g.end(middle)
	if end := g.within(middle, until.Add(time.Hour)); !end.Equal(until) || !g.few() {
		t.Errorf("a slice in the place of one that was left ends at %s, few %t", end, g.few())
	}
	g.end(until)
	if end := g.within(until, until.Add(time.Hour)); len(g.left) != 0 || !end.Equal(until.Add(time.Hour)) {
		t.Errorf("%d events are known beyond what was left, and a slice ends at %s", len(g.left), end)
	}
}
