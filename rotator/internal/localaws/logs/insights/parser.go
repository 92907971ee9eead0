package insights

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parser reads a query's text, one token at a time.
type parser struct {
	text    string
	next    token
	query   Query
	segment segment
	slots   map[string]int  // of the fields that the segment has
	named   map[string]bool // every name that the query has given
	limited bool            // a limit command has been read: nothing may follow it
	sorted  bool            // a sort command has been read
}

// parse reads a query. Its error is a SyntaxError.
func parse(text string) (*Query, error) {
	if utf8.RuneCountInString(text) > MaxText {
		return nil, &SyntaxError{MaxText, "the query has more than 10,000 characters"}
	}
	p := &parser{text: text, named: map[string]bool{}}
	p.begin(eventFields[:])
	if err := p.advance(); err != nil {
		return nil, err
	}
	for {
		if err := p.command(); err != nil {
			return nil, err
		}
		if p.next.kind == endOfText {
			return p.finish(), nil
		}
		if err := p.expect("|"); err != nil {
			return nil, err
		}
	}
}

// begin starts a segment whose records have these fields.
func (p *parser) begin(fields []string) {
	p.segment = segment{width: len(fields)}
	p.slots = map[string]int{}
	for slot, name := range fields {
		p.slots[name] = slot
	}
}

// finish ends the last segment.
func (p *parser) finish() *Query {
	if len(p.query.segments) == 0 {
		if p.segment.columns == nil {
			p.segment.columns = []column{{"@timestamp", fieldRef(slotTimestamp)}, {"@message", fieldRef(slotMessage)}}
		}
		showsPointer := func(c column) bool { return c.name == "@ptr" }
		if !slices.ContainsFunc(p.segment.columns, showsPointer) {
			p.segment.columns = append(p.segment.columns, column{"@ptr", fieldRef(slotPointer)})
		}
	}
	p.query.segments = append(p.query.segments, p.segment)
	return &p.query
}

// advance reads the next token.
func (p *parser) advance() (err error) {
	p.next, err = lex(p.text, p.next.end)
	return err
}

// refuse is the error for the next token.
func (p *parser) refuse(reason string) error {
	return &SyntaxError{p.next.start, reason}
}

func (p *parser) unexpected() error {
	if p.next.kind == endOfText {
		return p.refuse("unexpected end of the query")
	}
	return p.refuse("unexpected symbol found " + p.text[p.next.start:p.next.end])
}

// at tells whether the next token is this symbol or word.
func (p *parser) at(what string) bool {
	return (p.next.kind == symbol || p.next.kind == word) && p.next.text == what
}

// accept reads the next token if it is this symbol or word.
func (p *parser) accept(what string) (bool, error) {
	if !p.at(what) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(what string) error {
	accepted, err := p.accept(what)
	if err == nil && !accepted {
		err = p.unexpected()
	}
	return err
}

// identifier reads a name.
func (p *parser) identifier() (string, error) {
	if p.next.kind != word {
		return "", p.unexpected()
	}
	name := p.next.text
	return name, p.advance()
}

// regex reads a regular expression, which begins where the next token does.
func (p *parser) regex() (*regexp.Regexp, error) {
	if !p.at("/") {
		return nil, p.unexpected()
	}
	at := p.next.start
	source, end, err := cutRegex(p.text, at)
	if err != nil {
		return nil, err
	}
	compiled, err := compileRegex(source, at)
	if err != nil {
		return nil, err
	}
	p.next.end = end
	return compiled, p.advance()
}

// define makes a field of this name.
func (p *parser) define(name string) (slot int, err error) {
	if err := p.claim(name); err != nil {
		return 0, err
	}
	slot = p.segment.width
	p.segment.width++
	p.slots[name] = slot
	return slot, nil
}

// claim refuses a name that the query has given before.
func (p *parser) claim(name string) error {
	if _, isField := p.slots[name]; isField || p.named[name] || strings.HasPrefix(name, "@") {
		return p.refuse("the field " + name + " is defined twice")
	}
	p.named[name] = true
	return nil
}

// commandReaders are the commands that are known.
func (p *parser) commandReaders() map[string]func() error {
	return map[string]func() error{"fields": p.fields, "display": p.display, "filter": p.filter, "where": p.filter, "parse": p.parse,
		"stats": p.stats, "sort": p.sort, "limit": p.limit}
}

// command reads one command. Sorting, then limiting come after all others.
func (p *parser) command() error {
	read, known := p.commandReaders()[p.next.text]
	if p.next.kind != word || !known {
		return p.unexpected()
	}
	if p.limited || p.sorted && !p.at("limit") {
		return p.refuse("what " + p.next.text + " does after sort or limit is not documented")
	}
	if err := p.advance(); err != nil {
		return err
	}
	return read()
}

// list reads what is separated by commas.
func (p *parser) list(item func() error) error {
	for {
		if err := item(); err != nil {
			return err
		}
		if more, err := p.accept(","); err != nil || !more {
			return err
		}
	}
}

// fields reads "fields a, b + 1 as c".
func (p *parser) fields() error {
	return p.list(func() error {
		start := p.next.start
		e, err := p.expression(true)
		if err != nil {
			return err
		}
		name := strings.TrimSpace(p.text[start:p.next.start])
		if aliased, err := p.accept("as"); err != nil {
			return err
		} else if aliased {
			if name, err = p.identifier(); err != nil {
				return err
			}
			slot, err := p.define(name)
			if err != nil {
				return err
			}
			p.segment.steps = append(p.segment.steps, assignment{slot, e})
			e = fieldRef(slot)
		}
		p.segment.columns = append(p.segment.columns, column{name, e})
		return nil
	})
}

// display reads "display a, b", which replaces the fields that are shown.
func (p *parser) display() error {
	p.segment.columns = nil
	return p.list(func() error {
		name := p.next.text
		e, err := p.field()
		p.segment.columns = append(p.segment.columns, column{name, e})
		return err
	})
}

func (p *parser) filter() error {
	condition, err := p.expression(false)
	p.segment.steps = append(p.segment.steps, selection{condition})
	return err
}

// parse reads "parse field /…(?<name>…)…/".
func (p *parser) parse() error {
	source, err := p.field()
	if err != nil {
		return err
	}
	if p.next.kind == quoted {
		return p.refuse("the stand-in does not know the glob form of parse")
	}
	pattern, err := p.regex()
	if err != nil {
		return err
	}
	x := extraction{source: source, finder: newFinder(pattern)}
	for _, name := range pattern.SubexpNames()[1:] {
		if name == "" {
			return p.refuse("a group without a name in parse is not documented")
		}
		slot, err := p.define(name)
		if err != nil {
			return err
		}
		x.slots = append(x.slots, slot)
	}
	if x.slots == nil {
		return p.refuse("parse needs a named group")
	}
	p.segment.steps = append(p.segment.steps, x)
	return nil
}

// stats reads "stats count(*) as n, max(a) by b, bin(5m)", and begins the segment after it.
func (p *parser) stats() error {
	s := &stats{}
	var aggregated, grouped []string
	err := p.list(func() error {
		start := p.next.start
		a, err := p.aggregate()
		if err != nil {
			return err
		}
		s.aggregates = append(s.aggregates, a)
		aggregated, err = p.nameColumn(aggregated, start)
		return err
	})
	if err != nil {
		return err
	}
	if grouping, err := p.accept("by"); err != nil {
		return err
	} else if grouping {
		err := p.list(func() error {
			start := p.next.start
			e, err := p.expression(false)
			if err != nil {
				return err
			}
			s.groups = append(s.groups, e)
			grouped, err = p.nameColumn(grouped, start)
			return err
		})
		if err != nil {
			return err
		}
	}
	p.endSegment(s, append(grouped, aggregated...))
	return nil
}

// nameColumn appends the name of a column whose expression began at start: its alias, or its text.
func (p *parser) nameColumn(names []string, start int) ([]string, error) {
	name := strings.TrimSpace(p.text[start:p.next.start])
	aliased, err := p.accept("as")
	if err == nil && aliased {
		if name, err = p.identifier(); err == nil {
			err = p.claim(name)
		}
	}
	return append(names, name), err
}

// endSegment ends a segment by a stats command: what comes after it sees its columns only.
func (p *parser) endSegment(s *stats, names []string) {
	p.segment.stats = s
	p.query.segments = append(p.query.segments, p.segment)
	p.begin(names)
	for slot, name := range names {
		p.segment.columns = append(p.segment.columns, column{name, fieldRef(slot)})
	}
}

// aggregate reads "max(expression)", "count(*)" or "count()".
func (p *parser) aggregate() (aggregate, error) {
	name, err := p.identifier()
	if err != nil {
		return aggregate{}, err
	}
	start, known := aggregates[name]
	if !known {
		return aggregate{}, p.refuse("the stand-in knows no aggregate " + name)
	}
	if isTimed := name == "latest" || name == "earliest"; isTimed && len(p.query.segments) > 0 {
		return aggregate{}, p.refuse(name + " after a stats command is not documented")
	}
	a := aggregate{start: start}
	if err := p.expect("("); err != nil {
		return a, err
	}
	ofRecords, err := p.accept("*")
	if err != nil {
		return a, err
	}
	if ofRecords || p.at(")") {
		if name != "count" {
			return a, p.refuse(name + " needs an expression")
		}
		return a, p.expect(")")
	}
	if a.of, err = p.expression(false); err != nil {
		return a, err
	}
	return a, p.expect(")")
}

// sort reads "sort a desc, b asc"; which of them is meant where neither stands is left open.
func (p *parser) sort() error {
	p.sorted = true
	return p.list(func() error {
		e, err := p.expression(false)
		if err != nil {
			return err
		}
		descending := p.at("desc")
		if !descending && !p.at("asc") {
			return p.refuse("sort without asc or desc")
		}
		p.query.sort = append(p.query.sort, sortKey{e, descending})
		return p.advance()
	})
}

func (p *parser) limit() error {
	p.limited = true
	n, err := strconv.Atoi(p.next.text)
	if p.next.kind != numeral || err != nil || n < 1 || n > MaxLimit {
		return p.refuse("the limit must be between 1 and 100,000")
	}
	p.query.limit = n
	return p.advance()
}
