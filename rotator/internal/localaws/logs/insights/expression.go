package insights

import (
	"math"
	"slices"
	"strings"
)

// expression is a part of a query that has a value for each record.
type expression interface {
	eval(*record) (value, error)
}

// record is an event on its way through a query, or a row of a stats command.
type record struct {
	event  Event
	fields []value // by slot
}

// Slots of the fields that every event has.
const (
	slotTimestamp = iota
	slotIngested
	slotStream
	slotLog
	slotMessage
	slotPointer
	eventSlots
)

// eventFields are their names.
var eventFields = [eventSlots]string{"@timestamp", "@ingestionTime", "@logStream", "@log", "@message", "@ptr"}

type (
	literal  value
	fieldRef int // slot
	unmasked struct{}
)

func (l literal) eval(*record) (value, error)    { return value(l), nil }
func (f fieldRef) eval(r *record) (value, error) { return r.fields[f], nil }
func (unmasked) eval(r *record) (value, error)   { return ofText(r.event.Unmasked), nil }

// call applies a function to the values of its arguments.
type call struct {
	apply     func([]value) (value, error)
	arguments []expression
}

func (c call) eval(r *record) (value, error) {
	values := make([]value, len(c.arguments))
	for i, a := range c.arguments {
		var err error
		if values[i], err = a.eval(r); err != nil {
			return value{}, err
		}
	}
	return c.apply(values)
}

// logical is "a and b" or "a or b". The right side is left alone where the left decides.
type logical struct {
	left, right expression
	decisive    certainty // no for and, yes for or
}

func (l logical) eval(r *record) (value, error) {
	left, err := truthOf(l.left, r)
	if err != nil || left == l.decisive {
		return ofTruth(left), err
	}
	right, err := truthOf(l.right, r)
	if l.decisive == no {
		return ofTruth(left.and(right)), err
	}
	return ofTruth(left.or(right)), err
}

type negation struct{ of expression }

func (n negation) eval(r *record) (value, error) {
	c, err := truthOf(n.of, r)
	return ofTruth(c.not()), err
}

func truthOf(e expression, r *record) (certainty, error) {
	v, err := e.eval(r)
	if err != nil {
		return no, err
	}
	return v.asTruth()
}

// comparison is "a = b" and the like.
type comparison struct {
	left, right expression
	operator    string
}

func (c comparison) eval(r *record) (value, error) {
	left, err := c.left.eval(r)
	if err != nil {
		return value{}, err
	}
	right, err := c.right.eval(r)
	if err != nil {
		return value{}, err
	}
	switch {
	case left.kind != absent && right.kind != absent:
		return compare(left, c.operator, right)
	case c.operator == "!=":
		return ofTruth(open), nil
	}
	return ofTruth(unmet), nil
}

// compare takes texts as numbers where the other side is one. Which of two texts is the greater is not documented.
func compare(left value, operator string, right value) (value, error) {
	if left.kind == text && right.kind == text && (operator == "=" || operator == "!=") {
		return ofBool((left.text == right.text) == (operator == "=")), nil
	}
	a, err := left.asNumber()
	if err != nil {
		return value{}, err
	}
	b, err := right.asNumber()
	if err != nil {
		return value{}, err
	}
	met := map[string]bool{"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
	return ofBool(met[operator]), nil
}

// match is "field like /regex/" and the like.
type match struct {
	subject expression
	matches func(string) bool
}

func (m match) eval(r *record) (value, error) {
	v, err := m.subject.eval(r)
	if err != nil {
		return value{}, err
	}
	if v.kind == absent {
		return ofTruth(unmet), nil
	}
	s, err := v.asText()
	return ofBool(m.matches(s)), err
}

// contains matches a part of a text, in its case.
func contains(part string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, part) }
}

// oneOf matches a whole text.
func oneOf(members []string) func(string) bool {
	return func(s string) bool { return slices.Contains(members, s) }
}

// arithmetic is "a + b" and the like.
type arithmetic struct {
	left, right expression
	operator    string
}

func (a arithmetic) eval(r *record) (value, error) {
	left, err := numberOf(a.left, r)
	if err != nil {
		return value{}, err
	}
	right, err := numberOf(a.right, r)
	if err != nil {
		return value{}, err
	}
	var result float64
	switch a.operator {
	case "+":
		result = left + right
	case "-":
		result = left - right
	case "*":
		result = left * right
	case "/":
		result = left / right
	case "%":
		result = math.Mod(left, right)
	case "^":
		result = math.Pow(left, right)
	}
	if math.IsNaN(result) || math.IsInf(result, 0) {
		return value{}, UndocumentedError("a result that is no number")
	}
	return ofNumber(result), nil
}

func numberOf(e expression, r *record) (float64, error) {
	v, err := e.eval(r)
	if err != nil {
		return 0, err
	}
	return v.asNumber()
}

// assignment makes a field of an expression.
type assignment struct {
	slot int
	of   expression
}

func (a assignment) apply(r *record) (keep bool, err error) {
	r.fields[a.slot], err = a.of.eval(r)
	return true, err
}

// selection is filter.
type selection struct{ condition expression }

func (s selection) apply(r *record) (keep bool, err error) {
	c, err := truthOf(s.condition, r)
	if err == nil && c == open {
		err = UndocumentedError("what a negated comparison with an absent field selects")
	}
	return c == yes, err
}

// extraction is parse: it makes fields of the named groups of a regular expression, none where it does not match.
type extraction struct {
	source expression
	finder *finder
	slots  []int // by group, from the first
}

func (x extraction) apply(r *record) (keep bool, err error) {
	v, err := x.source.eval(r)
	if err != nil || v.kind == absent {
		return true, err
	}
	s, err := v.asText()
	if err != nil {
		return false, err
	}
	found := x.finder.find(s)
	if found == nil {
		return true, nil
	}
	for i, slot := range x.slots {
		start, end := found[2*i+2], found[2*i+3]
		if start < 0 {
			return false, UndocumentedError("the field of a group that took no part in a match of parse")
		}
		r.fields[slot] = ofText(s[start:end])
	}
	return true, nil
}
