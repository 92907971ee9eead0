package logread

import (
	"regexp"
	"strings"
)

// division divides events into rows as the query does, by the query's own text: a rule stands once.
type division struct {
	extracts  map[string]*extract // by the field that it makes
	coalesced map[string][]string // the fields of which the first that an event has is taken
}

// extract is a parse command.
type extract struct {
	from    string
	pattern *regexp.Regexp
	groups  map[string]int // by name
}

var (
	parseCommand    = regexp.MustCompile(`^(?:\| )?parse (\S+) /(.*)/$`)
	coalesceCommand = regexp.MustCompile(`^\| fields coalesce\(([^)]*)\) as (\w+)$`)
)

// queryDivision is that of the constant query.
var queryDivision = readDivision(Query(false))

func readDivision(query string) *division {
	d := &division{extracts: map[string]*extract{}, coalesced: map[string][]string{}}
	for line := range strings.Lines(query) {
		line = strings.TrimSpace(line)
		if m := parseCommand.FindStringSubmatch(line); m != nil {
			d.addExtract(m[1], regexp.MustCompile(m[2]))
		} else if m := coalesceCommand.FindStringSubmatch(line); m != nil {
			d.coalesced[m[2]] = strings.Split(m[1], ", ")
		}
	}
	return d
}

func (d *division) addExtract(from string, pattern *regexp.Regexp) {
	e := &extract{from: from, pattern: pattern, groups: map[string]int{}}
	for i, name := range pattern.SubexpNames() {
		if name != "" {
			e.groups[name] = i
			d.extracts[name] = e
		}
	}
}

// reading is one event on its way through a division. It parses no more than the fields asked for need.
type reading struct {
	*division
	event  *Event
	parsed map[*extract][]int // what a pattern matched; nil = nothing
	texts  map[*extract]string
}

func (d *division) read(e *Event) *reading {
	return &reading{division: d, event: e, parsed: map[*extract][]int{}, texts: map[*extract]string{}}
}

// field returns the value of a field, and whether the event has it.
func (r *reading) field(name string) (string, bool) {
	switch name {
	case "@message":
		return r.event.Message, true
	case "@logStream":
		return r.event.Stream, true
	}
	if names, ok := r.coalesced[name]; ok {
		return r.first(names)
	}
	e := r.extracts[name]
	text, match := r.match(e)
	if match == nil {
		return "", false
	}
	at := 2 * e.groups[name]
	return text[match[at]:match[at+1]], true
}

func (r *reading) first(names []string) (string, bool) {
	for _, name := range names {
		if value, ok := r.field(name); ok {
			return value, true
		}
	}
	return "", false
}

func (r *reading) match(e *extract) (text string, match []int) {
	if match, done := r.parsed[e]; done {
		return r.texts[e], match
	}
	if from, ok := r.field(e.from); ok {
		text, match = from, e.pattern.FindStringSubmatchIndex(from)
	}
	r.parsed[e], r.texts[e] = match, text
	return text, match
}
