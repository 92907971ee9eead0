package deploy_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// AWS's bounds (EventBridge quotas: event pattern size; IAM quotas: aggregate size of a role's inline policies, without blanks).
const (
	longestEventPattern = 2048
	longestPolicies     = 10240
)

// longestList is as many secrets of one name's length as a parameter takes.
func longestList(t *testing.T, p parameter, name int) string {
	t.Helper()
	if p.MaxLength == nil {
		t.Fatal("the parameter takes a list of any length")
	}
	const ending = "-AbCdEf"
	secret := strings.TrimSuffix(ownSecret, "orders-AbCdEf") + strings.Repeat("n", name) + ending
	var list []string
	for length := len(secret); length <= int(*p.MaxLength); length += len(secret) + 1 {
		list = append(list, secret)
	}
	return strings.Join(list, ",")
}

// What the longest lists make must still deploy, with many secrets of short names as with few of long ones.
func TestLongestListsFit(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for _, name := range []int{1, 8, 40, 200} {
		lists := map[string]string{}
		for _, parameter := range []string{"SecretArn", "AdditionalSecretArns", "ProxySecretArns"} {
			lists[parameter] = longestList(t, template.Parameters[parameter], name)
		}
		lists["SecretArn"], _, _ = strings.Cut(lists["SecretArn"], ",")
		for role, parameters := range longestOf(template) {
			s := newStack(template, parameters)
			for parameter, list := range lists {
				s.values[parameter] = list
			}
			if length := s.policyLength(t, role); length > longestPolicies {
				t.Errorf("the policies of %s would be %d characters long with names of %d", role, length, name)
			}
		}
		s := newStack(template, lists)
		pattern := encoded(t, s.resolve(template.Resources["RotationFailureRule"].Properties["EventPattern"]))
		if len(pattern) > longestEventPattern {
			t.Errorf("the event pattern would be %d characters long with names of %d", len(pattern), name)
		}
	}
}

// All variables of a function hold 4 KB together (Lambda quotas).
func TestLongestVariablesFit(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	s := newStack(template, map[string]string{"Fleet": "true", "CreateVpcEndpoints": "true", "AssumeRoleArn": "arn:aws:iam::{account}:role/pgrotator"})
	for _, parameter := range []string{"FleetAccounts", "IgnoreUserList"} {
		s.values[parameter] = strings.Repeat("n", int(*template.Parameters[parameter].MaxLength))
	}
	for _, function := range functions {
		if text := encoded(t, variables(s, function)); len(text) > 4096 {
			t.Errorf("the variables of %s would have %d characters", function, len(text))
		}
	}
}

// longestOf are, for each role, values with which it has the most statements.
func longestOf(template template) map[string]map[string]string {
	most := map[string]string{}
	for name, values := range alternatives {
		most[name] = values[0]
	}
	for _, name := range []string{"AssumeRoleArn", "RotationRoleArn", "SweepRoleArn", "MasterSecretAccess", "DatabaseKind"} {
		delete(most, name)
	}
	most["DatabaseIdentifier"] = strings.Repeat("i", 63)
	most["ReplicaIdentifierPattern"] = strings.Repeat("r", 63)
	most["MasterIamUser"] = strings.Repeat("m", 63)
	return map[string]map[string]string{"RotationRole": most, "SweepRole": most}
}

// policyLength is how many characters a role's inline policies take, names of resources as long as AWS's are at most.
func (s stack) policyLength(t *testing.T, role string) int {
	t.Helper()
	length := 0
	for _, document := range s.documents(role) {
		text := encoded(t, document)
		for name, arn := range map[string]int{"<RotationFunction.Arn>": 120, "<SweepFunction.Arn>": 120, "<RotationLogGroup.Arn>": 160, "<SweepLogGroup.Arn>": 160} {
			length += strings.Count(text, name) * (arn - len(name))
		}
		length += len(text)
	}
	return length
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text))
}

// Whatever the parameter takes is a JSON list, and the function, which reads it at night, starts.
func TestIgnoreUserListIsJSON(t *testing.T) {
	t.Parallel()
	parameter := readTemplate(t).Parameters["IgnoreUserList"]
	for value, expected := range map[string]bool{
		`[]`: true, `[ ]`: true, `["a"]`: true, `[ "batch_*" , "etl" ]`: true, `["a\"b","\u00e9","\\"]`: true, `["Müller"]`: true,
		`[{"user":"batch_*","reason":"runs monthly","until":"2027-01-31","by":"dba"}]`: true, `["a",{"user":"b"}]`: true,
		`[a]`: false, `['a']`: false, `["a",]`: false, `["a" "b"]`: false, `[""]`: false, `["a\"]`: false, `["\x"]`: false, `["\u00"]`: false,
		`["a"],["b"]`: false, `[["a"]]`: false, `[null]`: false, `[1]`: false, `[{}]`: false, `[{"user":1}]`: false, `[{"user":"a",}]`: false,
		`"a"`: false, `{"a":1}`: false, ``: false, `["a]`: false, "[\"a\nb\"]": false, `[“a”]`: false,
	} {
		if got := parameter.accepts(value); got != expected {
			t.Errorf("IgnoreUserList takes %s: %v", value, got)
		}
		if valid := json.Valid([]byte(value)); expected && !valid {
			t.Errorf("%s is no JSON", value)
		}
	}
}
