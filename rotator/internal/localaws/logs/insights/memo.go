package insights

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
)

// maxFindings bounds what a finder remembers.
const maxFindings = 1 << 15

// finder finds a pattern in texts, and remembers what it found: tests query the same events again and again, and Go's regexp is
// slow at what the patterns of a log are made of.
type finder struct {
	pattern *regexp.Regexp
	needed  []string // texts that every match holds
	mu      sync.Mutex
	found   map[string][]int // by text; nil = no match
}

func newFinder(pattern *regexp.Regexp) *finder {
	f := &finder{pattern: pattern, found: map[string][]int{}}
	// What regexp has compiled parses.
	if tree, err := syntax.Parse(pattern.String(), syntax.Perl); err == nil {
		f.needed = literals(tree)
	}
	return f
}

// literals are the texts, in their case, that every match of a pattern holds.
func literals(tree *syntax.Regexp) []string {
	switch {
	case tree.Op == syntax.OpLiteral && tree.Flags&syntax.FoldCase == 0:
		return []string{string(tree.Rune)}
	case tree.Op == syntax.OpConcat, tree.Op == syntax.OpCapture:
		var all []string
		for _, part := range tree.Sub {
			all = append(all, literals(part)...)
		}
		return all
	}
	return nil
}

// find is FindStringSubmatchIndex of the pattern.
func (f *finder) find(s string) []int {
	for _, part := range f.needed {
		if !strings.Contains(s, part) {
			return nil
		}
	}
	f.mu.Lock()
	known, isKnown := f.found[s]
	f.mu.Unlock()
	if isKnown {
		return known
	}
	result := f.pattern.FindStringSubmatchIndex(s)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.found) == maxFindings {
		clear(f.found)
	}
	f.found[s] = result
	return result
}

// parsed are the queries that were parsed before, by text, with what their finders remember.
var parsed sync.Map

// Parse reads a query. Its error is a [SyntaxError].
func Parse(text string) (*Query, error) {
	if known, ok := parsed.Load(text); ok {
		return known.(*Query), nil
	}
	q, err := parse(text)
	if err == nil {
		parsed.Store(text, q)
	}
	return q, err
}
