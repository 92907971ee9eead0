package access

import "strings"

// certainty is how well something is known.
type certainty int

const (
	no certainty = iota
	maybe
	yes
)

// value is what a policy variable stands for with one principal.
type value struct {
	text  string
	known certainty // yes: the text; maybe: the text, then any other; no: the variable has no value
}

// value looks a variable up. With sessions, the tags of a role's session may be any: they take the place of the role's own
// (IAM User Guide, "Passing session tags in AWS STS"). Names of variables do not depend on case.
func (p *Principal) value(name string, sessions bool) value {
	key := strings.ToLower(name)
	if tag, ok := strings.CutPrefix(key, "aws:principaltag/"); ok {
		return p.tag(tag, sessions)
	}
	switch key {
	case "aws:username":
		if p.Role {
			return value{known: no}
		}
		return value{p.Name, yes}
	case "aws:userid":
		if p.Role { // then the session's name, which the caller chooses
			return value{p.ID + ":", maybe}
		}
		return value{p.ID, yes}
	case "aws:principalarn":
		return value{p.ARN, yes}
	case "aws:principalaccount":
		return value{p.account(), yes}
	case "aws:principaltype":
		if p.Role {
			return value{"AssumedRole", yes}
		}
		return value{"User", yes}
	}
	return value{known: maybe}
}

func (p *Principal) tag(name string, sessions bool) value {
	if p.Role && sessions {
		return value{known: maybe}
	}
	for key, text := range p.Tags {
		if strings.ToLower(key) == name {
			return value{text, yes}
		}
	}
	return value{known: no}
}

// account is the account's number in the principal's ARN.
func (p *Principal) account() string {
	parts := strings.SplitN(p.ARN, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// reading is a resource of a policy as it reads for one principal.
type reading struct {
	matcher
	open  []string // variables that may stand for any text
	empty string   // a variable that has no value, with which the resource is none
}

// certainty tells how sure it is that the resource is meant.
func (r *reading) certainty(resource string) certainty {
	switch {
	case r.empty != "" || !r.matches(resource):
		return no
	case len(r.open) > 0:
		return maybe
	}
	return yes
}

// read puts the values of variables into a resource, where its policy has variables.
func (p *Principal) read(s *Statement, resource string, sessions bool) reading {
	var r reading
	if !s.variables {
		r.matcher = pattern(nil).add(resource).matcher()
		return r
	}
	var text pattern
	for rest := resource; rest != ""; {
		before, variable, after := cutVariable(rest)
		text = text.add(before)
		rest = after
		if variable != "" {
			text = p.put(text, &r, variable, sessions)
		}
	}
	r.matcher = text.matcher()
	return r
}

// cutVariable splits a text around its first ${…}. What is not closed is text.
func cutVariable(text string) (before, variable, after string) {
	start := strings.Index(text, "${")
	if start < 0 {
		return text, "", ""
	}
	end := strings.IndexByte(text[start:], '}')
	if end < 0 {
		return text, "", ""
	}
	return text[:start], text[start : start+end+1], text[start+end+1:]
}

// put adds what a variable stands for. ${*}, ${?} and ${$} are these characters; ${key, 'text'} has a text for where key has no
// value (IAM User Guide, "IAM policy elements: Variables and tags").
func (p *Principal) put(text pattern, r *reading, variable string, sessions bool) pattern {
	name, otherwise, has := strings.Cut(variable[2:len(variable)-1], ",")
	name = strings.TrimSpace(name)
	if name == "*" || name == "?" || name == "$" {
		return text.addLiteral(name)
	}
	v := p.value(name, sessions)
	switch {
	case v.known != no:
		text = text.addLiteral(v.text)
	case has:
		text = text.addLiteral(strings.Trim(strings.TrimSpace(otherwise), "'"))
	default:
		r.empty = variable
	}
	if v.known == maybe {
		text = append(text, element{kind: unknown})
		r.open = append(r.open, variable)
	}
	return text
}
