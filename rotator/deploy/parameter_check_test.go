package deploy_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// uncheckedVariables are those that nobody can look at before the stack stands.
var uncheckedVariables = []string{"DB_CA_FILE", "NOTICE_TOPIC_ARN"}

// What the functions will start with is what the check is shown.
func TestParameterCheckSeesEverySetting(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	all := map[string]string{}
	for name, values := range alternatives {
		all[name] = values[0]
	}
	for _, values := range []map[string]string{nil, all} {
		s := newStack(template, values)
		expected := map[string]any{}
		for _, function := range functions {
			maps.Copy(expected, variables(s, function))
		}
		maps.DeleteFunc(expected, func(name string, _ any) bool {
			return readBelow[name] != "" || slices.Contains(uncheckedVariables, name)
		})
		shown := s.resolve(template.Resources["ParameterCheck"].Properties["Settings"]).(map[string]any)
		if !maps.Equal(shown, expected) {
			t.Errorf("the check is shown\n%v\nand the functions get\n%v", shown, expected)
		}
	}
}

// Whatever a new secret's value is made of must be what the check compares, or a change of it would write a new password unseen.
func TestParameterCheckComparesWhatTheNewSecretIsMadeOf(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	value := template.Resources["Secret"].Properties["GenerateSecretString"]
	made := map[string]bool{}
	for _, ref := range references(value, nil) {
		made[ref.target] = true
	}
	for _, name := range parametersOf(template, conditionsIn(value)...) {
		made[name] = true
	}
	s := newStack(template, map[string]string{"DatabaseHost": "orders.example.com"})
	compared := s.resolve(template.Resources["ParameterCheck"].Properties["NewSecret"]).(map[string]any)
	if ours, theirs := slices.Sorted(maps.Keys(compared)), slices.Sorted(maps.Keys(made)); !slices.Equal(ours, theirs) {
		t.Errorf("the check compares\n%v\nand the value is made of\n%v", ours, theirs)
	}
	for name, value := range compared {
		if value != s.values[name] {
			t.Errorf("as %s the check compares %v, not %q", name, value, s.values[name])
		}
	}
	existing := newStack(template, map[string]string{"SecretArn": ownSecret})
	if compared, ok := existing.resolve(template.Resources["ParameterCheck"].Properties).(map[string]any)["NewSecret"]; ok {
		t.Errorf("with a secret that exists, the check compares %v", compared)
	}
}

// conditionsIn lists the conditions that a value asks for.
func conditionsIn(value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		if branches, ok := value["Fn::If"].([]any); ok {
			found = append(found, branches[0].(string))
		}
		for _, item := range value {
			found = append(found, conditionsIn(item)...)
		}
	case []any:
		for _, item := range value {
			found = append(found, conditionsIn(item)...)
		}
	}
	return found
}

func TestWhatIsCheckedWaitsForTheCheck(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	waits := func(name, forWhom string) bool {
		return slices.ContainsFunc(template.Resources[name].references(), func(ref reference) bool { return ref.target == forWhom })
	}
	for _, name := range []string{"Secret", "EndpointSecurityGroup"} {
		if !waits(name, "ParameterCheck") {
			t.Errorf("what the check refuses may have reached %s before", name)
		}
	}
	for _, e := range endpoints {
		if !waits(e.resource, "EndpointSecurityGroup") {
			t.Errorf("%s does not wait for the group that waits for the check", e.resource)
		}
	}
}

// elsewhere are the ARNs that need not be of the stack's Region, or that CloudFormation itself holds to it when it makes what has them.
var elsewhere = []string{"AssumeRoleArn", "DatabaseCaLayerArn", "LogKmsKeyArn", "PermissionsBoundaryArn", "RotationRoleArn", "SweepRoleArn"}

// The check sees every ARN that the functions use, as it is given.
func TestParameterCheckSeesWhatTheFunctionsUse(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	values := map[string]string{}
	for name := range template.Parameters {
		if (strings.HasSuffix(name, "Arn") || strings.HasSuffix(name, "Arns")) && !slices.Contains(elsewhere, name) {
			values[name] = "arn:aws:x:eu-west-1::" + name
		}
	}
	shown := newStack(template, values).resolve(template.Resources["ParameterCheck"].Properties["Arns"]).(map[string]any)
	for name, value := range values {
		if given, ok := shown[name]; !ok || !slices.Equal(oneOrMore(given), []string{value}) {
			t.Errorf("as %s the check is shown %v, not %s", name, given, value)
		}
	}
	if len(shown) != len(values) {
		t.Errorf("the check is shown %v", shown)
	}
}

// The check sees the schedule by which the stack has its secret rotate.
func TestParameterCheckSeesTheSchedule(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	everyStack(template, []string{"RotationEnabled", "Fleet", "AssumeRoleArn"}, func(s stack) {
		shown := s.resolve(template.Resources["ParameterCheck"].Properties).(map[string]any)["Schedule"]
		var expected any
		if schedule := template.Resources["RotationSchedule"]; s.exists(schedule.Condition) {
			expected = s.resolve(schedule.Properties["RotationRules"]).(map[string]any)["ScheduleExpression"]
		}
		if shown != expected {
			t.Errorf("with %v the check is shown %v, and the secret rotates by %v", s.values, shown, expected)
		}
	})
}

// The check sees the hours after which the stack alarms, and the schedule beside them.
func TestParameterCheckSeesTheAlarmOfTheSweep(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	everyStack(template, []string{"SweepMode", "AlarmsEnabled", "AlarmsLeftOut"}, func(s stack) {
		shown := s.resolve(template.Resources["ParameterCheck"].Properties).(map[string]any)["Sweep"]
		var expected any
		if alarm := template.Resources["SweepMissing"]; s.exists(alarm.Condition) {
			expected = map[string]any{"MissingAfterHours": s.resolve(alarm.Properties["EvaluationPeriods"]),
				"Schedule": s.resolve(template.Resources["SweepSchedule"].Properties["ScheduleExpression"])}
		}
		if !reflect.DeepEqual(shown, expected) {
			t.Errorf("with %v the check is shown %v, not %v", s.values, shown, expected)
		}
	})
}

// The check sees the subnets that the endpoints are given, and only where there are endpoints.
func TestParameterCheckSeesTheEndpointsSubnets(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	everyStack(template, []string{"CreateVpcEndpoints", "EndpointSubnetIds"}, func(s stack) {
		shown, ok := s.resolve(template.Resources["ParameterCheck"].Properties).(map[string]any)["Network"].(map[string]any)
		if ok != (s.values["CreateVpcEndpoints"] == "true") {
			t.Errorf("with %v the check is shown %v", s.values, shown)
		}
		given := s.resolve(template.Resources["RdsEndpoint"].Properties["SubnetIds"])
		if ok && (!reflect.DeepEqual(shown["EndpointSubnetIds"], given) || shown["VpcId"] != s.values["VpcId"]) {
			t.Errorf("the check is shown %v, and the endpoints are in %v", shown, given)
		}
	})
}

func TestParameterCheckMayLogAndLookAtSubnets(t *testing.T) {
	t.Parallel()
	log := []string{"logs:CreateLogStream", "logs:PutLogEvents", "<SweepLogGroup.Arn>"}
	for endpoints, expected := range map[string][][]string{"false": {log}, "true": {log, {"ec2:DescribeSubnets", "*"}}} {
		var may [][]string
		for _, statement := range newStack(readTemplate(t), map[string]string{"CreateVpcEndpoints": endpoints}).statements("ParameterCheckRole") {
			may = append(may, slices.Concat(statement.actions, statement.resources))
		}
		if !reflect.DeepEqual(may, expected) {
			t.Errorf("with CreateVpcEndpoints=%s the check may %q", endpoints, may)
		}
	}
}

func TestParameterCheckIsOutsideTheVPC(t *testing.T) {
	t.Parallel()
	s := newStack(readTemplate(t), nil)
	if _, ok := s.template.Resources["ParameterCheckFunction"].Properties["VpcConfig"]; ok {
		t.Error("in the VPC it may have no way to answer CloudFormation, which then waits")
	}
}
