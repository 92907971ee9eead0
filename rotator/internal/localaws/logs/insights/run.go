package insights

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// maxValue is the characters of a value that a result shows: longer ones are reported to be cut.
const maxValue = 1000

// Run carries out a query over events.
type Run struct {
	query   *Query
	limit   int
	records []*record // that have passed the first segment, where it has no stats
	groups  *groups   // of the first segment, where it has
	matched int64
}

// Start begins a run. Its result has at most as many rows as the query states, or else limit, or where that is 0, DefaultLimit.
func (q *Query) Start(limit int) *Run {
	r := &Run{query: q, limit: cmp.Or(q.limit, limit, DefaultLimit)}
	if first := q.segments[0]; first.stats != nil {
		r.groups = first.stats.start()
	}
	return r
}

// Matched is how many events the query's filters let through so far, up to the first stats command.
func (r *Run) Matched() int64 { return r.matched }

// Add takes in an event. Its error is an UndocumentedError.
func (r *Run) Add(e Event) error {
	first := r.query.segments[0]
	passing := &record{event: e, fields: make([]value, first.width)}
	passing.fields[slotTimestamp], passing.fields[slotIngested] = ofMoment(e.Timestamp), ofMoment(e.Ingested)
	passing.fields[slotStream], passing.fields[slotLog] = ofText(e.Stream), ofText(e.Log)
	passing.fields[slotMessage], passing.fields[slotPointer] = ofText(e.Message), ofText(e.Pointer)
	keep, err := first.pass(passing)
	if err != nil || !keep {
		return err
	}
	r.matched++
	if r.groups != nil {
		return r.groups.add(passing)
	}
	r.records = append(r.records, passing)
	return nil
}

// pass takes a record through the segment's steps.
func (s segment) pass(r *record) (keep bool, err error) {
	for _, next := range s.steps {
		if keep, err = next.apply(r); err != nil || !keep {
			return false, err
		}
	}
	return true, nil
}

// Rows is the result of the events so far. Its error is an UndocumentedError.
func (r *Run) Rows() ([]Row, error) {
	records, err := r.reduce()
	if err != nil {
		return nil, err
	}
	if err := r.query.order(records); err != nil {
		return nil, err
	}
	records = records[:min(r.limit, len(records))]
	last := r.query.segments[len(r.query.segments)-1]
	rows := make([]Row, 0, len(records))
	for _, passed := range records {
		row, err := last.row(passed)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// reduce takes what came out of the first segment through the others.
func (r *Run) reduce() ([]*record, error) {
	records, before := slices.Clone(r.records), r.groups
	for _, s := range r.query.segments[1:] {
		records = nil
		var next *groups
		if s.stats != nil {
			next = s.stats.start()
		}
		for _, passing := range before.records(s.width) {
			keep, err := s.pass(passing)
			if err == nil && keep && next != nil {
				err = next.add(passing)
			}
			if err != nil {
				return nil, err
			}
			if keep {
				records = append(records, passing)
			}
		}
		before = next
	}
	return records, nil
}

// order sorts the records as the query says; single events are else in the order of time, the newest first.
func (q *Query) order(records []*record) error {
	if len(q.sort) == 0 && len(q.segments) == 1 {
		slices.SortStableFunc(records, func(a, b *record) int { return cmp.Compare(b.event.Timestamp, a.event.Timestamp) })
	}
	var failed error
	for _, key := range slices.Backward(q.sort) {
		slices.SortStableFunc(records, func(a, b *record) int {
			c, err := key.compare(a, b)
			failed = cmp.Or(failed, err)
			return c
		})
	}
	return failed
}

func (k sortKey) compare(a, b *record) (int, error) {
	left, err := k.value.eval(a)
	if err != nil {
		return 0, err
	}
	right, err := k.value.eval(b)
	if err != nil {
		return 0, err
	}
	if left.kind == absent || left.kind != right.kind {
		return 0, UndocumentedError("the order of " + left.describe() + " and " + right.describe())
	}
	c := cmp.Or(cmp.Compare(left.number, right.number), cmp.Compare(left.text, right.text))
	if k.descending {
		c = -c
	}
	return c, nil
}

// row shows a record.
func (s segment) row(r *record) (Row, error) {
	var row Row
	for _, c := range s.columns {
		v, err := c.value.eval(r)
		if err != nil {
			return nil, err
		}
		if v.kind != absent {
			row = append(row, Field{c.name, cut(v.String())})
		}
	}
	return row, nil
}

// cut shortens a value to what a result shows.
func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxValue {
		return s
	}
	return string([]rune(s)[:maxValue])
}
