package access

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Permission is a statement by which a principal may Connect to a resource.
type Permission struct {
	Holder     string // the ARN of what has the policy: the principal, or a group that it belongs to
	Policy     string
	Statement  string
	Resources  []string // those of the statement that match, as written
	Conditions []string // what else must hold, in words; none = it may
	Open       bool     // which resource is meant is the session's choice, by a variable
}

// Permissions lists the statements by which a principal may Connect to a resource, an ARN. In IAM's order: a Deny in any of its
// policies, its groups' and its boundary is the last word; then a boundary, where there is one, must allow; then one of its
// policies must. A Deny that depends on what is not known here is a condition of the rest.
func (p *Principal) Permissions(resource string) []Permission {
	denied, unless := p.denied(resource)
	if denied {
		return nil
	}
	bounded, within := p.bounded(resource)
	if bounded == no {
		return nil
	}
	var list []Permission
	for _, holder := range p.holders() {
		for _, policy := range holder.Policies {
			for _, s := range policy.Statements {
				if m := p.match(s, resource); !s.Deny && m.certainty != no {
					list = append(list, Permission{Holder: holder.ARN, Policy: policy.Name, Statement: s.Name, Resources: m.resources, Open: m.open,
						Conditions: slices.Concat(m.conditions, within, unless)})
				}
			}
		}
	}
	return list
}

// denied reports a Deny that holds whatever else does, and lists those that may.
func (p *Principal) denied(resource string) (certain bool, unless []string) {
	var policies []Policy
	for _, holder := range p.holders() {
		policies = append(policies, holder.Policies...)
	}
	if p.Boundary != nil {
		policies = append(policies, *p.Boundary)
	}
	for _, policy := range policies {
		for _, s := range policy.Statements {
			if !s.Deny {
				continue
			}
			switch m := p.match(s, resource); m.certainty {
			case yes:
				return true, nil
			case maybe:
				unless = append(unless, fmt.Sprintf("unless %s of %s denies it: %s", s.Name, policy.Name, strings.Join(m.conditions, "; ")))
			}
		}
	}
	return false, unless
}

// bounded tells whether the boundary lets Connect pass.
func (p *Principal) bounded(resource string) (certainty, []string) {
	switch {
	case !p.Bounded:
		return yes, nil
	case p.Boundary == nil:
		return maybe, []string{"its permission boundary " + p.BoundaryARN + " must allow it, which IAM did not show"}
	}
	found := no
	var conditions []string
	for _, s := range p.Boundary.Statements {
		if s.Deny {
			continue
		}
		m := p.match(s, resource)
		if m.certainty == yes {
			return yes, nil
		}
		if m.certainty == maybe {
			found = maybe
			conditions = append(conditions, fmt.Sprintf("%s of its permission boundary %s allows it: %s", s.Name, p.BoundaryARN, strings.Join(m.conditions, "; ")))
		}
	}
	return found, conditions
}

// match is how a statement meets a resource.
type match struct {
	certainty  certainty
	resources  []string // as written
	conditions []string // what must hold; none where it is certain
	open       bool     // it rests on a variable that may be any text
	empty      string   // a variable that has no value, or ""
}

// match compares a resource with a statement, for one principal.
func (p *Principal) match(s Statement, resource string) match {
	m := p.matchResources(s, resource)
	if s.Except {
		m = m.inverted(s)
	}
	if m.empty != "" && m.certainty == yes {
		m.certainty = maybe
		m.conditions = []string{m.empty + " has no value for it, and IAM may hold such a statement invalid"}
	}
	if m.certainty != no && len(s.Conditions) > 0 {
		m.certainty = maybe
		m.conditions = slices.Concat(s.Conditions, m.conditions)
	}
	return m
}

func (p *Principal) matchResources(s Statement, resource string) match {
	var m match
	for _, written := range s.Resources {
		found, open, empty := p.matchResource(s, written, resource)
		m.empty = cmp.Or(m.empty, empty)
		switch {
		case found == no:
			continue
		case found == yes:
			m.conditions, m.open = nil, false
		case m.certainty == no:
			m.open = true
			m.conditions = []string{fmt.Sprintf("%s fills in what %q needs", strings.Join(open, " and "), written)}
		}
		m.certainty = max(m.certainty, found)
		m.resources = append(m.resources, written)
	}
	return m
}

// matchResource compares a resource with one as written. Where it depends on variables that may be any text, open lists them; empty
// is one that has no value.
func (p *Principal) matchResource(s Statement, written, resource string) (found certainty, open []string, empty string) {
	if !s.variables {
		if pattern(nil).add(written).reach().matches(resource) {
			return yes, nil, ""
		}
		return no, nil, ""
	}
	own := p.read(written, false)
	if !s.Deny && !s.Except && own.certainty(resource) == yes { // a session that leaves the principal's tags as they are gets in
		return yes, nil, ""
	}
	r := p.read(written, true)
	return r.certainty(resource), r.open, own.empty
}

// certainty tells how sure it is that the resource is meant.
func (r reading) certainty(resource string) certainty {
	switch {
	case r.empty != "" || !r.pattern.matches(resource):
		return no
	case len(r.open) > 0:
		return maybe
	}
	return yes
}

// inverted turns the match of a NotResource's list into that of its statement.
func (m match) inverted(s Statement) match {
	switch m.certainty {
	case yes:
		return match{}
	case maybe:
		return match{certainty: maybe, resources: everyBut(s), conditions: []string{"not where " + m.conditions[0]}, open: true, empty: m.empty}
	}
	return match{certainty: yes, resources: everyBut(s), empty: m.empty}
}

// everyBut says the resources of a statement with NotResource.
func everyBut(s Statement) []string {
	return []string{"every resource but " + strings.Join(s.Resources, ", ")}
}
