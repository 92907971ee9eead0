package logread

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"unicode/utf8"
)

// division divides events into rows as the query does, by the query's own text: a rule stands once.
type division struct {
	extracts  map[string]*extract // by the field that it makes
	coalesced map[string][]string // the fields of which the first that an event has is taken
}

var (
	parseCommand = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:\| )?parse (\S+) /(.*)/$`)
	})
	coalesceCommand = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\| fields coalesce\(([^)]*)\) as (\w+)$`)
	})
)

// queryDivision is that of the constant query, whose expressions take longer to compile than all else that a new process does: a
// rotation needs none of them.
var queryDivision = sync.OnceValue(func() *division { return readDivision(Query(false)) })

func readDivision(query string) *division {
	d := &division{extracts: map[string]*extract{}, coalesced: map[string][]string{}}
	for line := range strings.Lines(query) {
		line = strings.TrimSpace(line)
		if m := parseCommand().FindStringSubmatch(line); m != nil {
			e := newExtract(m[1], m[2])
			for name := range e.groups {
				d.extracts[name] = e
			}
		} else if m := coalesceCommand().FindStringSubmatch(line); m != nil {
			d.coalesced[m[2]] = strings.Split(m[1], ", ")
		}
	}
	return d
}

// reading is one event on its way through a division. It parses no more than the fields asked for need.
type reading struct {
	*division
	message, stream string
	parsed          map[*extract][]string // what a pattern's groups hold; nil = it does not match
}

func (d *division) read(message, stream string) *reading {
	return &reading{division: d, message: message, stream: stream, parsed: make(map[*extract][]string, 16)}
}

// field returns the value of a field, and whether the event has it.
func (r *reading) field(name string) (string, bool) {
	switch name {
	case "@message":
		return r.message, true
	case "@logStream":
		return r.stream, true
	}
	if names, ok := r.coalesced[name]; ok {
		return r.first(names)
	}
	e := r.extracts[name]
	groups := r.parse(e)
	if groups == nil {
		return "", false
	}
	return groups[e.groups[name]], true
}

func (r *reading) first(names []string) (string, bool) {
	for _, name := range names {
		if value, ok := r.field(name); ok {
			return value, true
		}
	}
	return "", false
}

func (r *reading) parse(e *extract) []string {
	groups, done := r.parsed[e]
	if !done {
		if text, ok := r.field(e.from); ok {
			groups = e.match(text)
		}
		r.parsed[e] = groups
	}
	return groups
}

// extract is a parse command.
type extract struct {
	from    string
	pattern *regexp.Regexp
	groups  map[string]int // by name
	needs   []string       // texts without which the pattern cannot match
	led     bool           // the pattern is what follows leadMost characters at most, which are the first group
	last    bool           // the lead is as long as can be, not as short
}

// lead is how a pattern begins that takes any text up to a mark. Go's regexp is slow at it, so it is done apart.
var lead = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\^\(\?<(\w+)>\[\\s\\S\]\{1,127\}(\??)\):`)
})

const leadMost = 127

func newExtract(from, pattern string) *extract {
	e := &extract{from: from, groups: map[string]int{}}
	if m := lead().FindStringSubmatch(pattern); m != nil {
		e.led, e.last = true, m[2] == ""
		pattern = "^(?<" + m[1] + ">):" + pattern[len(m[0]):]
	}
	e.pattern, e.needs = regexp.MustCompile(pattern), literals(pattern)
	for i, name := range e.pattern.SubexpNames() {
		if name != "" {
			e.groups[name] = i
		}
	}
	return e
}

// literals are texts that every match of a pattern holds.
func literals(pattern string) []string {
	// regexp has compiled it, so it parses.
	tree, _ := syntax.Parse(pattern, syntax.Perl)
	return needed(nil, tree)
}

func needed(texts []string, r *syntax.Regexp) []string {
	switch r.Op {
	case syntax.OpLiteral:
		texts = append(texts, string(r.Rune))
	case syntax.OpConcat, syntax.OpCapture:
		for _, part := range r.Sub {
			texts = needed(texts, part)
		}
	}
	return texts
}

func (e *extract) match(text string) []string {
	for _, part := range e.needs {
		if !strings.Contains(text, part) {
			return nil
		}
	}
	if !e.led {
		return e.pattern.FindStringSubmatch(text)
	}
	var found []string
	for at, end := 0, runesEnd(text, leadMost); ; at++ {
		next := strings.IndexByte(text[at:], ':')
		if at += next; next < 0 || at > end {
			return found
		}
		if groups := e.pattern.FindStringSubmatch(text[at:]); groups != nil && at > 0 {
			if groups[1] = text[:at]; !e.last {
				return groups
			}
			found = groups
		}
	}
}

// runesEnd returns where the first n characters of the text end.
func runesEnd(text string, n int) int {
	end := 0
	for ; n > 0 && end < len(text); n-- {
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	return end
}
