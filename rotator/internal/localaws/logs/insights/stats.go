package insights

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxKey is the longest text to group by: longer values are reported to be cut.
const maxKey = 1000

// stats groups records and computes aggregates of each group. A record without a field that it is grouped by belongs to a group
// without it.
type stats struct {
	groups     []expression
	aggregates []aggregate
}

// aggregate is one of the functions of a stats command.
type aggregate struct {
	of    expression // nil = the records themselves
	start func() accumulator
}

// accumulator computes an aggregate of one group. An absent value is taken in, too.
type accumulator interface {
	add(r *record, v value) error
	result() value
}

// aggregates are the ways to start each function.
var aggregates = map[string]func() accumulator{
	"count":    func() accumulator { return new(counter) },
	"sum":      func() accumulator { return &numeric{combine: func(a, b float64) float64 { return a + b }} },
	"min":      func() accumulator { return &numeric{combine: func(a, b float64) float64 { return min(a, b) }} },
	"max":      func() accumulator { return &numeric{combine: func(a, b float64) float64 { return max(a, b) }} },
	"avg":      func() accumulator { return new(average) },
	"latest":   func() accumulator { return &extreme{sign: 1} },
	"earliest": func() accumulator { return &extreme{sign: -1} },
}

// counter counts the records that have the value.
type counter struct{ n int64 }

func (c *counter) add(_ *record, v value) error {
	if v.kind != absent {
		c.n++
	}
	return nil
}

func (c *counter) result() value { return ofNumber(float64(c.n)) }

// numeric combines the numbers that are present.
type numeric struct {
	combine func(a, b float64) float64
	total   value
}

func (a *numeric) add(_ *record, v value) error {
	if v.kind == absent {
		return nil
	}
	n, err := v.asNumber()
	if err == nil && a.total.kind == number {
		n = a.combine(a.total.number, n)
	}
	a.total = ofNumber(n)
	return err
}

func (a *numeric) result() value { return a.total }

type average struct{ sum, n float64 }

func (a *average) add(_ *record, v value) error {
	if v.kind == absent {
		return nil
	}
	n, err := v.asNumber()
	a.sum, a.n = a.sum+n, a.n+1
	return err
}

func (a *average) result() value {
	if a.n == 0 {
		return value{}
	}
	return ofNumber(a.sum / a.n)
}

// extreme is the value in the record of the greatest (sign 1) or smallest (-1) @timestamp. Which of several at that time is not
// documented: here it is the one that was met last.
type extreme struct {
	sign  int64
	any   bool
	at    int64
	value value
}

func (x *extreme) add(r *record, v value) error {
	if x.any && (r.event.Timestamp-x.at)*x.sign < 0 {
		return nil
	}
	x.any, x.at, x.value = true, r.event.Timestamp, v
	switch v.kind {
	case absent:
		return UndocumentedError("latest or earliest of a field that the record lacks")
	case moment:
		return UndocumentedError("the form of a time as the result of latest or earliest, take toMillis of it")
	}
	return nil
}

func (x *extreme) result() value { return x.value }

// groups are the groups of a stats command so far.
type groups struct {
	of    *stats
	byKey map[string]*group
}

type group struct {
	keys         []value
	accumulators []accumulator
}

func (s *stats) start() *groups { return &groups{of: s, byKey: map[string]*group{}} }

func (g *groups) add(r *record) error {
	found, err := g.find(r)
	if err != nil {
		return err
	}
	for i, a := range g.of.aggregates {
		v := ofTruth(yes)
		if a.of != nil {
			if v, err = a.of.eval(r); err != nil {
				return err
			}
		}
		if err := found.accumulators[i].add(r, v); err != nil {
			return err
		}
	}
	return nil
}

// find is the group that a record belongs to.
func (g *groups) find(r *record) (*group, error) {
	keys := make([]value, len(g.of.groups))
	var id strings.Builder
	for i, e := range g.of.groups {
		var err error
		if keys[i], err = e.eval(r); err != nil {
			return nil, err
		}
		shown := keys[i].String()
		if utf8.RuneCountInString(shown) > maxKey {
			return nil, UndocumentedError("grouping by a value of more than 1,000 characters")
		}
		id.WriteString(strconv.Itoa(int(keys[i].kind)) + strconv.Quote(shown))
	}
	found := g.byKey[id.String()]
	if found == nil {
		found = &group{keys: keys}
		for _, a := range g.of.aggregates {
			found.accumulators = append(found.accumulators, a.start())
		}
		g.byKey[id.String()] = found
	}
	return found, nil
}

// records makes a record of each group, in an order that changes from one time to the next: none is documented.
func (g *groups) records(width int) []*record {
	var records []*record
	for _, found := range slices.Collect(maps.Values(g.byKey)) {
		r := &record{fields: make([]value, width)}
		copy(r.fields, found.keys)
		for i, a := range found.accumulators {
			r.fields[len(found.keys)+i] = a.result()
		}
		records = append(records, r)
	}
	return records
}
