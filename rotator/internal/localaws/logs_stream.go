package localaws

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
}

// LogSource yields a stream's events between two times, both included, in the
// order of time and always the same ones, until yield returns false. It serves
// where there are too many to hold.
type LogSource func(from, to time.Time, yield func(Event) bool)

// logStream holds its events, or asks its source for them.
type logStream struct {
	name    string
	created time.Time
	// events are sorted by position. Readers keep slices of it without a lock:
	// it is only ever appended to, or replaced.
	events   []storedEvent
	source   LogSource
	count    int64 // events ever stored
	ingested int64 // when the last of them was, ms since 1970
}

// storedEvent is an event in its place within its stream.
type storedEvent struct {
	timestamp int64 // event time, ms since 1970
	sequence  int64 // order among those of the same time: of arrival
	ingested  int64 // ms since 1970
	message   string
}

func (e storedEvent) compare(other storedEvent) int {
	return cmp.Or(cmp.Compare(e.timestamp, other.timestamp), cmp.Compare(e.sequence, other.sequence))
}

// SetLogSource has a stream, made where it is missing, answer from source
// instead of from what it holds.
func (s *Stack) SetLogSource(group, stream string, source LogSource) {
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	s.logs.ensure(group, stream).source = source
}

// AppendLog stores events in a stream, made where it is missing. Unlike
// PutLogEvents it takes any number, of any age and in any order.
func (s *Stack) AppendLog(group, stream string, events ...Event) {
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	s.logs.ensure(group, stream).store(events)
}

// store puts events in their places.
func (s *logStream) store(events []Event) {
	if len(events) == 0 {
		return
	}
	now := time.Now().UnixMilli()
	s.ingested = now
	fresh := make([]storedEvent, 0, len(events))
	for _, e := range events {
		s.count++
		fresh = append(fresh, storedEvent{timestamp: e.Time.UnixMilli(), sequence: s.count, ingested: now, message: e.Message})
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

// between iterates over the events from a time to another, both included, in
// ms since 1970. The caller holds the store's lock; iterating needs none.
func (s *logStream) between(from, to int64) iter.Seq[storedEvent] {
	if s.source != nil {
		return s.source.between(from, to)
	}
	all := s.events
	first := sort.Search(len(all), func(i int) bool { return all[i].timestamp >= from })
	return func(yield func(storedEvent) bool) {
		for _, e := range all[first:] {
			if e.timestamp > to || !yield(e) {
				return
			}
		}
	}
}

// between numbers what the source yields within each millisecond, so that a
// page can go on where the one before ended.
func (source LogSource) between(from, to int64) iter.Seq[storedEvent] {
	return func(yield func(storedEvent) bool) {
		var last storedEvent
		source(time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC(), func(e Event) bool {
			ms := e.Time.UnixMilli()
			sequence := int64(1)
			if ms == last.timestamp {
				sequence = last.sequence + 1
			}
			last = storedEvent{timestamp: ms, sequence: sequence, ingested: ms, message: e.Message}
			return yield(last)
		})
	}
}
