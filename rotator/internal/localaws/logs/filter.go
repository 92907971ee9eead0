package logs

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"pgrotator/rotator/internal/localaws/protocol"
)

// logQuery is a FilterLogEvents request, resolved.
type logQuery struct {
	view
	streams  []*logStream // by name
	pattern  filterPattern
	limit    int
	maxBytes int
	after    position
	limits   LogLimits
}

// position is a place in the order of a group's events, which is that of time,
// stream and sequence; as a nextToken, the last event of the page before.
type position struct {
	Timestamp int64
	Stream    string
	Sequence  int64
	Emptied   int // empty pages sent since
}

func (p position) compare(other position) int {
	return cmp.Or(cmp.Compare(p.Timestamp, other.Timestamp), cmp.Compare(p.Stream, other.Stream),
		cmp.Compare(p.Sequence, other.Sequence))
}

func (p position) token() string {
	// Strings and numbers always encode.
	encoded, _ := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(encoded)
}

func parseToken(token *string) (position, error) {
	p := position{Timestamp: math.MinInt64}
	if token == nil {
		return p, nil
	}
	encoded, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || json.Unmarshal(encoded, &p) != nil {
		return p, protocol.InvalidParameter("The specified nextToken is invalid.")
	}
	return p, nil
}

// filterEvents answers a page, encoded already.
func (l *Store) filterEvents(c protocol.Caller, in *cloudwatchlogs.FilterLogEventsInput) (any, error) {
	l.mu.Lock()
	q, err := l.resolve(c, in)
	var sources []streamEvents
	if err == nil {
		sources = q.sources()
	}
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if q.after.Emptied < q.limits.EmptyPages {
		q.after.Emptied++
		return newLogPage().encode(q.after.token()), nil
	}
	return q.page(sources), nil
}

// resolve checks the request and looks up what it names.
func (l *Store) resolve(c protocol.Caller, in *cloudwatchlogs.FilterLogEventsInput) (*logQuery, error) {
	group, err := l.addressed(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if err := group.requireReading("FilterLogEvents"); err != nil {
		return nil, err
	}
	if in.Unmask {
		if err := l.permitUnmask(c, group); err != nil {
			return nil, err
		}
	}
	if in.StartFromHead != nil && !*in.StartFromHead {
		return nil, protocol.InvalidParameter("The stand-in reads from the head only.")
	}
	q := &logQuery{view: l.view(group, aws.ToInt64(in.StartTime), math.MaxInt64, in.Unmask), limit: l.limits.pageEvents(),
		maxBytes: l.limits.pageBytes(), limits: l.limits}
	if in.EndTime != nil {
		q.to = *in.EndTime
	}
	if in.Limit != nil {
		if *in.Limit < 1 || *in.Limit > 10_000 {
			return nil, protocol.InvalidParameter("The limit must be between 1 and 10,000.")
		}
		q.limit = min(q.limit, int(*in.Limit))
	}
	if q.pattern, err = parsePattern(aws.ToString(in.FilterPattern)); err != nil {
		return nil, err
	}
	if q.after, err = parseToken(in.NextToken); err != nil {
		return nil, err
	}
	q.streams, err = group.selected(in.LogStreamNames, in.LogStreamNamePrefix)
	return q, err
}

// view is what can be seen now of a group between two event times, in ms since 1970.
func (l *Store) view(g *logGroup, from, to int64, unmask bool) view {
	now := l.now()
	return view{from: max(from, g.horizon(now).UnixMilli()), to: to, now: now.UnixMilli(), unmask: unmask, masking: l.masking(g)}
}

// selected lists, by name, the streams that a request asks for.
func (g *logGroup) selected(names []string, prefix *string) ([]*logStream, error) {
	if len(names) > 0 && prefix != nil {
		return nil, protocol.InvalidParameter("logStreamNames and logStreamNamePrefix are mutually exclusive.")
	}
	if len(names) > 100 {
		return nil, protocol.InvalidParameter("At most 100 logStreamNames are allowed.")
	}
	for _, name := range names {
		if _, err := g.find(&name); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(g.sorted(), func(s *logStream) bool {
		return len(names) > 0 && !slices.Contains(names, s.name) || !strings.HasPrefix(s.name, aws.ToString(prefix))
	}), nil
}

// streamEvents are the events of one stream that a query may see.
type streamEvents struct {
	stream *logStream
	events iter.Seq[storedEvent]
}

// sources begin where the page before ended.
func (q *logQuery) sources() []streamEvents {
	rest := q.view
	rest.from = max(q.from, q.after.Timestamp)
	var sources []streamEvents
	for _, s := range q.streams {
		sources = append(sources, streamEvents{s, s.seen(rest)})
	}
	return sources
}

// page merges the sources into one page.
func (q *logQuery) page(sources []streamEvents) []byte {
	page := newLogPage()
	page.json = slices.Grow(page.json, q.maxBytes*3/2)
	size, matched := 0, 0
	last := q.after
	last.Emptied = 0
	for stream, e := range merge(sources) {
		at := position{Timestamp: e.timestamp, Stream: stream.name, Sequence: e.sequence}
		if at.compare(q.after) <= 0 || !q.pattern.matches(e.message) || q.limits.withholds(e) {
			continue
		}
		size += len(e.message) + eventOverhead
		if matched == q.limit || matched > 0 && size > q.maxBytes {
			return page.encode(last.token())
		}
		page.add(stream.name, e)
		matched++
		last = at
	}
	return page.encode("")
}

// merge yields the events of all sources in the order of time, then of stream.
func merge(sources []streamEvents) iter.Seq2[*logStream, storedEvent] {
	return func(yield func(*logStream, storedEvent) bool) {
		var heads []*streamHead
		for _, s := range sources {
			next, stop := iter.Pull(s.events)
			defer stop()
			if event, more := next(); more {
				heads = append(heads, &streamHead{s.stream, event, next})
			}
		}
		for len(heads) > 0 {
			i := earliest(heads)
			if !yield(heads[i].stream, heads[i].event) {
				return
			}
			var more bool
			if heads[i].event, more = heads[i].next(); !more {
				heads = slices.Delete(heads, i, i+1)
			}
		}
	}
}

// streamHead is the next event of a stream.
type streamHead struct {
	stream *logStream
	event  storedEvent
	next   func() (storedEvent, bool)
}

// earliest is the index of the head that comes first; heads are in the order of
// stream names, so the first of equals is it.
func earliest(heads []*streamHead) int {
	first := 0
	for i, h := range heads {
		if h.event.timestamp < heads[first].event.timestamp {
			first = i
		}
	}
	return first
}
