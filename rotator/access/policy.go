package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Connect is the action that logs in to a database by IAM token.
const Connect = "rds-db:connect"

// Policy is a policy's statements on Connect.
type Policy struct {
	Name       string // the ARN of a managed policy; of an inline one, its name and whose it is
	Statements []Statement
}

// Statement is a statement that concerns Connect.
type Statement struct {
	Name       string // its Sid, or its place: "statement 2"
	Deny       bool
	Resources  []string // as written
	Except     bool     // Resources are those of NotResource
	Conditions []string // each in words; all must hold
	variables  bool     // ${…} in the resources are variables, which came with version 2012-10-17
}

// document is a policy's JSON (IAM User Guide, "Grammar of the IAM JSON policy language").
type document struct {
	Version   string
	Statement statements
}

type statements []statement

type statement struct {
	Sid         string
	Effect      string
	Action      texts
	NotAction   texts
	Resource    texts
	NotResource texts
	Condition   map[string]map[string]json.RawMessage
}

// texts is a text or a list of them.
type texts []string

// UnmarshalJSON takes a single statement for a list of one.
func (s *statements) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	return json.Unmarshal(data, (*[]statement)(s))
}

// UnmarshalJSON takes a single text for a list of one.
func (t *texts) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// ParsePolicy reads a policy's JSON and keeps the statements that concern Connect. An error means that nobody can tell what the
// policy allows or denies.
func ParsePolicy(name, text string) (Policy, error) {
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return Policy{}, fmt.Errorf("reading %s: %w", name, err)
	}
	if d.Statement == nil {
		return Policy{}, fmt.Errorf("reading %s: it has no Statement", name)
	}
	p := Policy{Name: name}
	for n, s := range d.Statement {
		if err := s.fault(); err != nil {
			return Policy{}, fmt.Errorf("reading statement %d of %s: %w", n+1, name, err)
		}
		if s.concernsConnect() {
			p.Statements = append(p.Statements, s.kept(n, d.Version == "2012-10-17"))
		}
	}
	return p, nil
}

func (s statement) fault() error {
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return fmt.Errorf("its Effect is %q", s.Effect)
	case (s.Action == nil) == (s.NotAction == nil):
		return errors.New("it needs one of Action and NotAction")
	case (s.Resource == nil) == (s.NotResource == nil):
		return errors.New("it needs one of Resource and NotResource")
	}
	return nil
}

func (s statement) concernsConnect() bool {
	named := slices.ContainsFunc(slices.Concat(s.Action, s.NotAction), func(written string) bool { return actionMatches(written, Connect) })
	return named == (s.Action != nil)
}

func (s statement) kept(place int, variables bool) Statement {
	kept := Statement{Name: s.Sid, Deny: s.Effect == "Deny", Resources: s.Resource, Except: s.NotResource != nil, variables: variables}
	if kept.Name == "" {
		kept.Name = fmt.Sprintf("statement %d", place+1)
	}
	if kept.Except {
		kept.Resources = s.NotResource
	}
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			kept.Conditions = append(kept.Conditions, condition(operator, key, s.Condition[operator][key]))
		}
	}
	return kept
}

// condition says a condition in words. Some keys are never there when a database asks (RDS User Guide, "Creating and using an IAM
// policy for IAM database access").
func condition(operator, key string, values json.RawMessage) string {
	text := fmt.Sprintf("%s %s %s", operator, key, values)
	switch strings.ToLower(key) {
	case "aws:referer", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:useragent", "aws:vpcsourceip":
		text += " (IAM database authentication does not support this key)"
	}
	return text
}
