package model_test

import (
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/logread"
)

// row is what Logs Insights makes of an event.
type row = logread.Row

// rowOf is an event as a row. Of the checkpoints, which are many, only the first of a stream is divided.
func (w *world) rowOf(e *entry, message string) *row {
	if e.row != nil && e.masked == "" {
		return e.row
	}
	key := ""
	if at := strings.Index(message, "LOG:  checkpoint"); at >= 0 {
		key = e.to.name + message[at:]
	}
	divided, known := w.checkpoints[key]
	if !known {
		tally := logread.NewTally()
		tally.Event(logread.Event{Stream: e.to.name, Message: message})
		divided = tally.Rows()[0]
	}
	if key != "" {
		w.checkpoints[key] = divided
	}
	at := e.at.UnixMilli()
	divided.Earliest, divided.Latest, divided.Delay = at, at, e.arrives.UnixMilli()-at
	e.row = &divided
	return e.row
}

// event is an event as a reader that may, or may not, unmask gets it.
func (r *run) event(e *entry) string {
	if e.masked != "" && !r.unmasked {
		return e.masked
	}
	return e.message
}

// readable reports whether the group is read at all: where masking is known and may not be undone, it is not.
func (r *run) readable() bool { return r.masksUntil.IsZero() || r.mayUnmask || r.untold }

// each gives the events of a stretch that have arrived and are still kept.
func (r *run) each(group string, from, to time.Time, give func(s *server, stream string, e *entry)) {
	for _, s := range r.servers {
		if s.Group != group {
			continue
		}
		for _, stream := range s.streams {
			first := searchFrom(stream.entries, from)
			for _, e := range stream.entries[first:] {
				if !e.at.Before(to) {
					break
				}
				kept := r.retention == 0 || e.at.After(r.now.Add(-r.retention))
				if kept && !e.lost && !e.arrives.After(r.now) {
					give(s, stream.name, e)
				}
			}
		}
	}
}

func searchFrom(entries []*entry, from time.Time) int {
	at, _ := slices.BinarySearchFunc(entries, from, func(e *entry, t time.Time) int { return e.at.Compare(t) })
	return at
}

// read is the first reading, in slices; a limit ends it early.
func (r *run) read(limit time.Duration) {
	for _, name := range r.evidence.Groups() {
		from, to := r.evidence.ReadFrom(name), r.now.Truncate(time.Second).Add(time.Second)
		if limit > 0 {
			to = earlier(to, from.Add(limit))
		}
		if !r.readable() {
			r.evidence.Doubt("The log cannot be read: logs:Unmask is refused.")
			r.disturbed(r.now)
			continue
		}
		for from.Before(to) {
			end := earlier(from.Add(8*time.Hour), to)
			if r.rows {
				end = earlier(from.Add(time.Hour+r.within(7*day)), to)
			}
			r.readSlice(name, from.Truncate(time.Second), end.Truncate(time.Second))
			from = end
		}
		if limit == 0 {
			r.evidence.GroupRead(name)
		}
	}
}

func (r *run) readSlice(name string, from, to time.Time) {
	if r.rows {
		for _, row := range r.rowsOf(name, from, to) {
			r.log.Row(row)
		}
	} else {
		r.each(name, from, to, func(s *server, stream string, e *entry) {
			if delay := e.arrives.Sub(e.at); r.fate != killedWhileReading && (delay >= s.measured || s.measures.Add(20*day).Before(r.now)) {
				s.measured, s.measures = delay, r.now
			}
			r.log.Event(logread.Event{Stream: stream, At: e.at.UnixMilli(), Ingested: e.arrives.UnixMilli(), Message: r.event(e)})
		})
	}
	r.log.ReadTo(to)
}

// rowsOf are the rows of a stretch.
func (r *run) rowsOf(name string, from, to time.Time) []row {
	tally := logread.NewTally()
	r.each(name, from, to, func(_ *server, _ string, e *entry) { tally.Row(*r.rowOf(e, r.event(e))) })
	return tally.Rows()
}

// reading is one of the two.
type reading int

const (
	noReading reading = iota
	firstReading
	secondReading
)

// unheard are those whom a first reading that is deaf does not know.
func (w *world) unheard() []string {
	if w.deaf == firstReading && w.named("p3") != nil {
		return []string{"p3"}
	}
	return nil
}

// heard is a row as a second reading gets it that may be deaf to people.
func (w *world) heard(r row) row {
	if w.deaf == secondReading && len(r.Names) > 1 {
		r.Names = "nobody@app"
	}
	return r
}
