package model_test

import (
	"fmt"
	"testing"
	"time"
)

// ordinary is a world in which a year passes as years do: a reload a week, a failover a month, readers that come and go daily, and a
// clean minor upgrade a quarter.
func ordinary(seed uint64) *world {
	w := newWorld(seed)
	w.has, w.storm, w.haze, w.byRows, w.retention, w.masksUntil = features{}, 0, 0, 0, 0, time.Time{}
	w.lockDays, w.deleteDays, w.lag = 90, 0, 5*time.Minute
	return w
}

// yearOf lets the year pass, with a run a day.
func (w *world) yearOf(days int) {
	for n := 1; n <= days && len(w.faults) == 0; n++ {
		end := w.now.Add(day)
		if n%7 == 0 {
			w.soon(end, func() { w.reload(w.writer(), nil, "", "") })
		}
		if n%30 == 0 {
			w.soon(end, w.promote)
		}
		if n%91 == 0 {
			w.todo = append(w.todo, event{w.now.Add(12 * time.Hour), w.upgrade})
		}
		w.scale(end)
		w.pass(end)
		w.sweep()
	}
}

// upgrade starts all instances anew, in order.
func (w *world) upgrade() {
	for _, s := range w.live() {
		w.restart(s, true)
	}
}

// scale has a reader come in the morning and go in the evening.
func (w *world) scale(end time.Time) {
	var s *server
	w.todo = append(w.todo, event{w.now.Add(4 * time.Hour), func() { s = w.addServer() }}, event{end.Add(-4 * time.Hour), func() { w.kill(s) }})
}

// Idle roles are locked on the first run after their time is up, in a year with everything that happens in one.
func TestOrdinaryYear(t *testing.T) {
	t.Parallel()
	const allowed = day
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := ordinary(seed)
			w.yearOf(365)
			if len(w.faults) > 0 {
				t.Fatalf("%q", w.faults)
			}
			late, locked := w.late["p0"]
			if !locked || late > allowed {
				t.Errorf("locked %v, %s later than due; evidence since %s", locked, late.Round(time.Minute), w.from)
			}
			t.Logf("locked %.1f days later than due; %d of 365 runs had complete evidence", late.Hours()/24, w.completed)
			if w.completed < 365*9/10 {
				t.Errorf("only %d of 365 runs had complete evidence", w.completed)
			}
		})
	}
}
