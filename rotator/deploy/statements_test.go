package deploy_test

import (
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

// statement is one statement of a policy, its functions resolved.
type statement struct {
	sid, effect        string
	actions, resources []string
	condition          map[string]any
}

// statements are those of every policy of a role that the stack makes.
func (s stack) statements(role string) []statement {
	var all []statement
	for _, document := range s.documents(role) {
		for _, item := range document.(map[string]any)["Statement"].([]any) {
			all = append(all, newStatement(item.(map[string]any)))
		}
	}
	return all
}

// documents are the policies of a role that the stack makes.
func (s stack) documents(role string) []any {
	var documents []any
	policies, _ := s.template.Resources[role].Properties["Policies"].([]any)
	for _, policy := range policies {
		documents = append(documents, s.resolve(policy.(map[string]any)["PolicyDocument"]))
	}
	for _, resource := range s.template.Resources {
		if resource.Type == "AWS::IAM::RolePolicy" && s.exists(resource.Condition) && s.resolve(resource.Properties["RoleName"]) == "<"+role+">" {
			documents = append(documents, s.resolve(resource.Properties["PolicyDocument"]))
		}
	}
	return documents
}

func newStatement(item map[string]any) statement {
	condition, _ := item["Condition"].(map[string]any)
	sid, _ := item["Sid"].(string)
	return statement{sid, item["Effect"].(string), oneOrMore(item["Action"]), oneOrMore(item["Resource"]), condition}
}

func oneOrMore(value any) []string {
	list, ok := value.([]any)
	if !ok {
		return []string{value.(string)}
	}
	var all []string
	for _, item := range list {
		all = append(all, oneOrMore(item)...)
	}
	return all
}

// allowing returns the statements that allow the action on the resource when their conditions are met.
func allowing(statements []statement, action, resource string) []statement {
	var found []statement
	for _, s := range statements {
		if s.effect == "Allow" && matchesAny(s.actions, action) && matchesAny(s.resources, resource) {
			found = append(found, s)
		}
	}
	return found
}

// matchesAny knows * as IAM does: it also stands for slashes and colons.
func matchesAny(patterns []string, value string) bool {
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "|") }
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(flat(pattern), flat(value))
		return err == nil && matched
	})
}

// policyParameters are those that the policies of the functions' roles depend on.
func policyParameters(template template) []string {
	var conditions []string
	for name, resource := range template.Resources {
		if resource.Type != "AWS::IAM::RolePolicy" && name != "RotationRole" && name != "SweepRole" {
			continue
		}
		if resource.Condition != "" {
			conditions = append(conditions, resource.Condition)
		}
		for _, ref := range resource.references() {
			for _, guard := range ref.guards {
				conditions = append(conditions, guard.condition)
			}
		}
	}
	// A boundary is not a policy, a role that exists already gets none, and a fleet's policies are looked at by themselves.
	without := []string{"PermissionsBoundaryArn", "RotationRoleArn", "SweepRoleArn", "Fleet", "FleetAccounts"}
	return slices.DeleteFunc(parametersOf(template, conditions...), func(name string) bool { return slices.Contains(without, name) })
}

// ofTheirOwn are parameters whose statements no other parameter changes: they are combined with each other, and not with all others.
var ofTheirOwn = []string{"NoticeTopicArn", "NoticeKmsKeyArn", "ReportBucket", "ReportPrefix", "ReportKmsKeyArn", "IamReview", "SecurityHubFindings"}

// everyPolicy calls visit with every combination that the policies depend on.
func everyPolicy(template template, visit func(stack)) {
	parameters := policyParameters(template)
	apart := func(name string) bool { return slices.Contains(ofTheirOwn, name) }
	everyStack(template, slices.DeleteFunc(slices.Clone(parameters), apart), visit)
	everyStack(template, slices.DeleteFunc(parameters, func(name string) bool { return !apart(name) && name != "AssumeRoleArn" }), visit)
}

// roleCase is a role's statements under one combination of what they depend on.
type roleCase struct {
	stack      stack
	statements []statement
}

var roleCases struct {
	sync.Mutex
	byRole map[string][]roleCase
}

// everyRole calls visit with the statements of a role under the combinations of what they depend on that can make a difference.
func everyRole(t *testing.T, role string, visit func(stack, []statement)) {
	t.Helper()
	for _, c := range casesOf(t, role) {
		visit(c.stack, c.statements)
	}
}

// casesOf resolves a role's policies once for all tests.
func casesOf(t *testing.T, role string) []roleCase {
	t.Helper()
	roleCases.Lock()
	defer roleCases.Unlock()
	if roleCases.byRole == nil {
		roleCases.byRole = map[string][]roleCase{}
	}
	if roleCases.byRole[role] == nil {
		template := readTemplate(t)
		everyPolicy(template, func(s stack) {
			roleCases.byRole[role] = append(roleCases.byRole[role], roleCase{s, s.statements(role)})
		})
	}
	return roleCases.byRole[role]
}
