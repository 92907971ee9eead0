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

// Permissions lists the statements by which a principal may Connect to a resource, an ARN.
func (p *Principal) Permissions(resource string) []Permission { return p.judge().permissions(resource) }

// judge is a principal's policies, ready to be asked about many resources.
type judge struct {
	principal *Principal
	allows    []rule
	denies    []rule // the boundary's too
	bounds    []rule // what the boundary allows
}

// rule is a statement as it reads for one principal.
type rule struct {
	*Statement
	holder, policy string
	own, session   []reading // of each resource, by the principal's own tags, and by those that a session may have
}

func (p *Principal) judge() *judge {
	j := &judge{principal: p}
	for _, holder := range p.holders() {
		for _, policy := range holder.Policies {
			j.take(holder.ARN, policy, &j.allows)
		}
	}
	if p.Boundary != nil {
		j.take(p.BoundaryARN, *p.Boundary, &j.bounds)
	}
	return j
}

// take adds a policy's statements: those that allow to a list of their own.
func (j *judge) take(holder string, policy Policy, allows *[]rule) {
	for n := range policy.Statements {
		r := rule{Statement: &policy.Statements[n], holder: holder, policy: policy.Name}
		for _, written := range r.Resources {
			own := j.principal.read(r.Statement, written, false)
			session := own
			if r.variables && strings.Contains(written, "${") {
				session = j.principal.read(r.Statement, written, true)
			}
			r.own, r.session = append(r.own, own), append(r.session, session)
		}
		if r.Deny {
			j.denies = append(j.denies, r)
		} else {
			*allows = append(*allows, r)
		}
	}
}

// permissions decides in IAM's order: a Deny in any of the principal's policies, its groups' and its boundary is the last word; then a
// boundary, where there is one, must allow; then one of the policies must. A Deny that depends on what is not known here is a
// condition of the rest.
func (j *judge) permissions(resource string) []Permission {
	denied, unless := j.denied(resource)
	if denied {
		return nil
	}
	bounded, within := j.bounded(resource)
	if bounded == no {
		return nil
	}
	var list []Permission
	for n := range j.allows {
		r := &j.allows[n]
		if m := r.match(resource); m.certainty != no {
			list = append(list, Permission{Holder: r.holder, Policy: r.policy, Statement: r.Name, Resources: m.resources, Open: m.open,
				Conditions: slices.Concat(m.conditions, within, unless)})
		}
	}
	return list
}

// denied reports a Deny that holds whatever else does, and lists those that may.
func (j *judge) denied(resource string) (certain bool, unless []string) {
	for n := range j.denies {
		r := &j.denies[n]
		switch m := r.match(resource); m.certainty {
		case yes:
			return true, nil
		case maybe:
			unless = append(unless, fmt.Sprintf("unless %s of %s denies it: %s", r.Name, r.policy, strings.Join(m.conditions, "; ")))
		}
	}
	return false, unless
}

// bounded tells whether the boundary lets Connect pass.
func (j *judge) bounded(resource string) (certainty, []string) {
	p := j.principal
	switch {
	case !p.Bounded:
		return yes, nil
	case p.Boundary == nil:
		return maybe, []string{"its permission boundary " + p.BoundaryARN + " must allow it, which IAM did not show"}
	}
	found := no
	var conditions []string
	for n := range j.bounds {
		r := &j.bounds[n]
		m := r.match(resource)
		if m.certainty == yes {
			return yes, nil
		}
		if m.certainty == maybe {
			found = maybe
			conditions = append(conditions, fmt.Sprintf("%s of its permission boundary %s allows it: %s", r.Name, p.BoundaryARN, strings.Join(m.conditions, "; ")))
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

// match compares a resource with a statement.
func (r *rule) match(resource string) match {
	m := r.matchResources(resource)
	if r.Except {
		m = m.inverted(r.Statement)
	}
	if m.empty != "" && m.certainty == yes {
		m.certainty = maybe
		m.conditions = []string{m.empty + " has no value for it, and IAM may hold such a statement invalid"}
	}
	if m.certainty != no && len(r.Conditions) > 0 {
		m.certainty = maybe
		m.conditions = slices.Concat(r.Conditions, m.conditions)
	}
	return m
}

func (r *rule) matchResources(resource string) match {
	var m match
	for n, written := range r.Resources {
		found := r.session[n].certainty(resource)
		if !r.Deny && !r.Except { // a session that leaves the principal's tags as they are gets in
			found = max(found, r.own[n].certainty(resource))
		}
		m.empty = cmp.Or(m.empty, r.own[n].empty)
		switch {
		case found == no:
			continue
		case found == yes:
			m.conditions, m.open = nil, false
		case m.certainty == no:
			m.open = true
			m.conditions = []string{fmt.Sprintf("%s fills in what %q needs", strings.Join(r.session[n].open, " and "), written)}
		}
		m.certainty = max(m.certainty, found)
		m.resources = append(m.resources, written)
	}
	return m
}

// inverted turns the match of a NotResource's list into that of its statement.
func (m match) inverted(s *Statement) match {
	switch m.certainty {
	case yes:
		return match{}
	case maybe:
		return match{certainty: maybe, resources: everyBut(s), conditions: []string{"not where " + m.conditions[0]}, open: true, empty: m.empty}
	}
	return match{certainty: yes, resources: everyBut(s), empty: m.empty}
}

// everyBut says the resources of a statement with NotResource.
func everyBut(s *Statement) []string {
	return []string{"every resource but " + strings.Join(s.Resources, ", ")}
}
