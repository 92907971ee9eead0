package access_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/access"
	"pgrotator/rotator/internal/localtest"
)

// world is one way in which everything turns out that a policy does not tell: which conditions hold, what the session's tag is, and
// whether IAM drops statements in which a variable has no value.
type world struct {
	holds []bool
	tag   *string // nil = none
	drops bool
}

// rule is a statement as the slow evaluator has it.
type rule struct {
	deny, except bool
	resources    []string
	condition    int // its place in world.holds; -1 = none
}

// slow is an account of one principal, judged world by world with regular expressions.
type slow struct {
	role     bool
	tag      *string // the principal's own
	own      []rule
	boundary []rule // nil = none
}

func (s slow) allows(w world, resource string) bool {
	if s.any(w, slices.Concat(s.own, s.boundary), true, resource) {
		return false
	}
	return s.any(w, s.own, false, resource) && (s.boundary == nil || s.any(w, s.boundary, false, resource))
}

// any reports a rule of one effect that applies.
func (s slow) any(w world, rules []rule, deny bool, resource string) bool {
	return slices.ContainsFunc(rules, func(r rule) bool { return r.deny == deny && s.applies(w, r, resource) })
}

func (s slow) applies(w world, r rule, resource string) bool {
	if r.condition >= 0 && !w.holds[r.condition] {
		return false
	}
	matched := false
	for _, written := range r.resources {
		text, ok := s.fill(w, written)
		if !ok && w.drops {
			return false
		}
		matched = matched || ok && regexp.MustCompile(text).MatchString(resource)
	}
	return matched != r.except
}

// fill turns a resource into a regular expression; false = a variable has no value.
func (s slow) fill(w world, written string) (string, bool) {
	tag := w.tag
	if !s.role {
		tag = s.tag
	}
	if strings.Contains(written, "${aws:PrincipalTag/t}") && tag == nil || strings.Contains(written, "${aws:username}") && s.role {
		return "", false
	}
	text := regexp.QuoteMeta(written)
	text = regexp.MustCompile(`\\\*(:|$)`).ReplaceAllString(text, `[\s\S]*$1`)
	text = strings.NewReplacer(`\*`, `[^:]*`, `\?`, `[^:]`, `\$\{aws:username\}`, "ab").Replace(text)
	if tag != nil {
		text = strings.ReplaceAll(text, `\$\{aws:PrincipalTag/t\}`, regexp.QuoteMeta(*tag))
	}
	return `^(?:` + text + `)$`, true
}

// worlds are all that matter to a resource: a tag's value can only match a part of it.
func (s slow) worlds(conditions int, resource string) []world {
	tags := []*string{s.tag}
	if s.role {
		for from := range resource {
			for to := from; to <= len(resource); to++ {
				part := resource[from:to]
				tags = append(tags, &part)
			}
		}
		none := "none of it"
		tags = append(tags, &none)
	}
	var list []world
	for n := range 1 << (conditions + 1) {
		w := world{drops: n&1 != 0}
		for c := range conditions {
			w.holds = append(w.holds, n>>(c+1)&1 != 0)
		}
		for _, tag := range tags {
			w.tag = tag
			list = append(list, w)
		}
	}
	return list
}

// pieces are what resources are made of.
var pieces = []string{"a", "b", "ab", ":", "/", "*", "?", "${aws:username}", "${aws:PrincipalTag/t}"}

type maker struct {
	random     *rand.Rand
	conditions int
}

func (m *maker) resource() string {
	var text strings.Builder
	for range 1 + m.random.IntN(5) {
		piece := pieces[m.random.IntN(len(pieces))]
		text.WriteString(piece)
	}
	return text.String()
}

func (m *maker) rules(most int) []rule {
	list := []rule{}
	for range m.random.IntN(most + 1) {
		r := rule{deny: m.random.IntN(3) == 0, except: m.random.IntN(5) == 0, condition: -1}
		for range 1 + m.random.IntN(2) {
			r.resources = append(r.resources, m.resource())
		}
		if m.random.IntN(3) == 0 && m.conditions < 3 {
			r.condition = m.conditions
			m.conditions++
		}
		list = append(list, r)
	}
	return list
}

func (m *maker) slow() slow {
	s := slow{role: m.random.IntN(2) == 0, own: m.rules(4)}
	if m.random.IntN(2) == 0 {
		tag := []string{"a", "ab", "b*"}[m.random.IntN(3)]
		s.tag = &tag
	}
	if m.random.IntN(2) == 0 {
		s.boundary = m.rules(2)
	}
	return s
}

// principal is the same account as the evaluator gets it: as JSON.
func (s slow) principal(t *testing.T) access.Principal {
	p := user()
	if s.role {
		p = role()
	}
	p.Name = "ab"
	if s.tag != nil {
		p.Tags = map[string]string{"t": *s.tag}
	}
	p.Policies = []access.Policy{policyOf(t, text(s.own))}
	if s.boundary != nil {
		boundary := policyOf(t, text(s.boundary))
		p.Bounded, p.Boundary = true, &boundary
	}
	return p
}

func text(rules []rule) string {
	statements := []map[string]any{}
	for _, r := range rules {
		statement := map[string]any{"Effect": "Allow", "Action": "rds-db:connect", "Resource": r.resources}
		if r.deny {
			statement["Effect"] = "Deny"
		}
		if r.except {
			delete(statement, "Resource")
			statement["NotResource"] = r.resources
		}
		if r.condition >= 0 {
			statement["Condition"] = map[string]any{"Bool": map[string]any{fmt.Sprint("c", r.condition): "true"}}
		}
		statements = append(statements, statement)
	}
	out, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err)
	}
	return string(out)
}

// compare holds the evaluator to all worlds: it refuses only where none allows; allows without a condition only where all do in which
// the session leaves the principal's tag as it is; and, where nothing depends on a variable, names conditions only where some allows.
func compare(t *testing.T, seed uint64) {
	m := &maker{random: rand.New(rand.NewPCG(seed, 0))}
	s := m.slow()
	resource := []string{"a", "ab", "a:b", "b/a:", "ab/b", "*"}[m.random.IntN(6)]
	some, all := false, true
	for _, w := range s.worlds(m.conditions, resource) {
		switch {
		case s.allows(w, resource):
			some = true
		case w.tag == s.tag:
			all = false
		}
	}
	got := outcome(s.principal(t), resource)
	switch {
	case got == refused && some, got == allowed && !all, got == conditional && !some && !strings.Contains(text(s.own)+text(s.boundary), "${"):
		t.Errorf("seed %d: %s on %q; in some world allowed: %t, in all: %t\nrole %t, tag %v\npolicy %s\nboundary %s",
			seed, got, resource, some, all, s.role, s.tag, text(s.own), text(s.boundary))
	}
}

func TestSlowEvaluatorAgrees(t *testing.T) {
	t.Parallel()
	seeds := uint64(400)
	if localtest.Soaking() {
		seeds = 60_000
	}
	for seed := range seeds {
		compare(t, seed)
	}
}

func FuzzPermissions(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compare(t, seed) })
}
