package logs

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"time"
)

// Event is one entry of a log stream.
type Event struct {
	Time    time.Time // kept in whole milliseconds
	Message string
	// Ingested is when the event arrives, before which nobody sees it; zero = when it is stored.
	Ingested time.Time
}

// LogSource yields a stream's events between two times, both included, in the
// order of time and always the same ones, until yield returns false. It serves
// where there are too many to hold. An event that tells no Ingested arrived at its Time.
type LogSource func(from, to time.Time, yield func(Event) bool)

// logStream holds its events, or asks its source for them.
type logStream struct {
	name    string
	created time.Time
	// events are sorted by position. Readers keep slices of it without a lock:
	// it is only ever appended to, or replaced.
	events []storedEvent
	source LogSource
	count  int64 // events ever stored
	bytes  int64 // of their messages, and 26 for each
}

// storedEvent is an event in its place within its stream.
type storedEvent struct {
	timestamp int64 // event time, ms since 1970
	sequence  int64 // order among those of the same time: of arrival
	ingested  int64 // ms since 1970
	message   string
	masked    string // the message without what was sensitive when it arrived
}

func (e storedEvent) compare(other storedEvent) int {
	return cmp.Or(cmp.Compare(e.timestamp, other.timestamp), cmp.Compare(e.sequence, other.sequence))
}

// view is what a request may see of a stream.
type view struct {
	from, to int64 // event time in ms since 1970, both included
	now      int64 // ms since 1970; what arrives later is not seen
	unmask   bool
	masking  masking // of a source's events
}

// show turns an event into what the view has of it: its message is as it is shown.
func (v view) show(e storedEvent) (shown storedEvent, visible bool) {
	if !v.unmask {
		e.message = e.masked
	}
	return e, e.ingested <= v.now
}

// SetLogSource has a stream, made where it is missing, answer from source
// instead of from what it holds.
func (l *Store) SetLogSource(group, stream string, source LogSource) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ensure(group, stream).source = source
	l.groups[group].reach(time.UnixMilli(0))
}

// AppendLog stores events in a stream, made where it is missing. Unlike
// PutLogEvents it takes any number, of any age and in any order. A group of which
// nobody told when it was created is as old as the oldest of them.
func (l *Store) AppendLog(group, stream string, events ...Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stored := l.ensure(group, stream)
	stored.store(events, l.now(), l.masking(l.groups[group]))
	for _, e := range events {
		l.groups[group].reach(e.Time)
	}
}

// store puts events in their places.
func (s *logStream) store(events []Event, now time.Time, m masking) {
	if len(events) == 0 {
		return
	}
	fresh := make([]storedEvent, 0, len(events))
	for _, e := range events {
		s.count++
		s.bytes += int64(len(e.Message) + eventOverhead)
		fresh = append(fresh, storedEvent{timestamp: e.Time.UnixMilli(), sequence: s.count,
			ingested: e.arrival(now).UnixMilli(), message: e.Message, masked: m.apply(e.Message)})
	}
	slices.SortFunc(fresh, storedEvent.compare)
	if last := len(s.events) - 1; last < 0 || s.events[last].compare(fresh[0]) < 0 {
		s.events = append(s.events, fresh...)
		return
	}
	merged := slices.Concat(s.events, fresh)
	slices.SortFunc(merged, storedEvent.compare)
	s.events = merged
}

// arrival is when the event arrives, unless it tells.
func (e Event) arrival(otherwise time.Time) time.Time {
	if e.Ingested.IsZero() {
		return otherwise
	}
	return e.Ingested
}

// seen iterates over the events that a view has of the stream. The caller holds the store's lock; iterating needs none.
func (s *logStream) seen(v view) iter.Seq[storedEvent] {
	if s.source != nil {
		return s.source.seen(v)
	}
	all := s.events
	first := sort.Search(len(all), func(i int) bool { return all[i].timestamp >= v.from })
	return func(yield func(storedEvent) bool) {
		for _, e := range all[first:] {
			if e.timestamp > v.to {
				return
			}
			if shown, visible := v.show(e); visible && !yield(shown) {
				return
			}
		}
	}
}

// seen numbers what the source yields within each millisecond, so that a
// page can go on where the one before ended.
func (source LogSource) seen(v view) iter.Seq[storedEvent] {
	return func(yield func(storedEvent) bool) {
		var last storedEvent
		source(time.UnixMilli(v.from).UTC(), time.UnixMilli(v.to).UTC(), func(e Event) bool {
			ms := e.Time.UnixMilli()
			sequence := int64(1)
			if ms == last.timestamp {
				sequence = last.sequence + 1
			}
			last = storedEvent{timestamp: ms, sequence: sequence, ingested: e.arrival(e.Time).UnixMilli(), message: e.Message}
			last.masked = v.masking.apply(e.Message)
			shown, visible := v.show(last)
			return !visible || yield(shown)
		})
	}
}
