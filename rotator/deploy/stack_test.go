package deploy_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stack is a template with values for its parameters: what CloudFormation makes of both.
type stack struct {
	template template
	values   map[string]string
}

// noValue is what AWS::NoValue resolves to; lists and maps leave it out.
type noValue struct{}

const (
	account      = "111122223333"
	otherAccount = "444455556666"
	ownSecret    = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-AbCdEf"
	moreSecrets  = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:billing-AbCdEf,arn:aws:secretsmanager:eu-west-1:111122223333:secret:stock-AbCdEf"
	proxySecrets = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-mirror-a-AbCdEf,arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-mirror-b-AbCdEf"
	masterSecret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!cluster-1-AbCdEf"
	assumedRole  = "arn:aws:iam::444455556666:role/rotation"
)

var pseudoParameters = map[string]any{
	"AWS::AccountId": account,
	"AWS::Partition": "aws",
	"AWS::Region":    "eu-west-1",
	"AWS::URLSuffix": "amazonaws.com",
	"AWS::StackName": "orders",
	"AWS::NoValue":   noValue{},
}

// required are values for the parameters without a default.
var required = map[string]string{
	"DatabaseIdentifier": "orders",
	"VpcId":              "vpc-0123456789abcdef0",
	"SubnetIds":          "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
	"SubnetIds.VpcId":    "vpc-0123456789abcdef0,vpc-0123456789abcdef0", // what CloudFormation finds out about them
}

// alarms are those that tell of a fault.
var alarms = []string{"FleetRotationsOverdue", "FleetSweepFailed", "FleetTrouble", "PreviousStillInUse", "RedeployFailed", "RotationErrors", "RotationHeld", "RotationOverdue",
	"RotationThrottles", "SweepDeadLetters", "SweepErrors", "SweepEvidenceIncomplete", "SweepMissing", "SweepThrottles"}

// alternatives are the values, other than the default, that turn the conditions of the template.
var alternatives = map[string][]string{
	"DatabaseKind":             {"instance"},
	"ReplicaIdentifierPattern": {"orders-replica-*"},
	"SecretArn":                {ownSecret},
	"AdditionalSecretArns":     {moreSecrets},
	"SecretKmsKeyArn":          {"arn:aws:kms:eu-west-1:111122223333:key/secret"},
	"MasterSecretArn":          {masterSecret},
	"MasterSecretKmsKeyArn":    {"arn:aws:kms:eu-west-1:111122223333:key/master"},
	"MasterSecretAccess":       {"none"},
	"MasterIamUser":            {"pgrotator_master"},
	"DatabaseResourceId":       {"cluster-ABCDEFGHIJKLMNOP"},
	"ProxySecretArns":          {proxySecrets},
	"Fleet":                    {"true"},
	"FleetAccounts":            {account + "," + otherAccount, strings.Repeat(account+",", 39) + otherAccount},
	"AlarmsEnabled":            {"false"},
	"AlarmsLeftOut":            {strings.Join(alarms, ",")},
	"DashboardEnabled":         {"false"},
	"RotationEnabled":          {"true"},
	"RotationDuration":         {""},
	"PasswordValidDays":        {"90"},
	"SweepMode":                {"act", "off"},
	"IamReview":                {"true"},
	"SecurityHubFindings":      {"true"},
	"FunctionSecurityGroupIds": {"sg-0123456789abcdef0"},
	"CreateVpcEndpoints":       {"true"},
	"EndpointSubnetIds":        {"subnet-0123456789abcdef2"},
	"HttpsProxy":               {"http://proxy.example.com:3128"},
	"IpAddressType":            {"dualstack"},
	"AWS::Partition":           {"aws-cn"},
	"RotationFunctionName":     {"orders-rotation"},
	"SweepFunctionName":        {"orders-sweep"},
	"RotationRoleArn":          {"arn:aws:iam::111122223333:role/rotation"},
	"SweepRoleArn":             {"arn:aws:iam::111122223333:role/sweep"},
	"UseFipsEndpoints":         {"true"},
	"CheckParameters":          {"false"},
	"RedeployServiceArns":      {"arn:aws:ecs:eu-west-1:111122223333:service/web/shop,arn:aws:ecs:eu-west-1:111122223333:service/web/search"},
	"RedeployBy":               {"metric"},
	"NoticeTopicArn":           {"arn:aws:sns:eu-west-1:111122223333:notices"},
	"ReportBucket":             {"audit-reports"},
	"ReportPrefix":             {"databases"},
	"ReportKmsKeyArn":          {"arn:aws:kms:eu-west-1:111122223333:key/reports"},
	"NoticeEmail":              {"dba@example.com"},
	"NoticeKmsKeyArn":          {"arn:aws:kms:eu-west-1:111122223333:key/notices"},
	"LogKmsKeyArn":             {"arn:aws:kms:eu-west-1:111122223333:key/logs"},
	"PermissionsBoundaryArn":   {"arn:aws:iam::111122223333:policy/boundary"},
	"AssumeRoleArn":            {assumedRole},
	"DatabaseCaFile":           {"/opt/ca.pem"},
	"DatabaseCaLayerArn":       {"arn:aws:lambda:eu-west-1:111122223333:layer:ca:1"},
}

// newStack takes the template's defaults wherever overrides has no value.
func newStack(template template, overrides map[string]string) stack {
	values := maps.Clone(required)
	for name, parameter := range template.Parameters {
		if parameter.Default != nil {
			values[name] = fmt.Sprint(parameter.Default)
		}
	}
	maps.Copy(values, overrides)
	return stack{template, values}
}

// everyStack calls visit with each combination of default and alternatives of the parameters named.
func everyStack(template template, parameters []string, visit func(stack)) {
	var choose func(rest []string, chosen map[string]string)
	choose = func(rest []string, chosen map[string]string) {
		if len(rest) == 0 {
			visit(newStack(template, chosen))
			return
		}
		choose(rest[1:], chosen)
		for _, value := range alternatives[rest[0]] {
			with := maps.Clone(chosen)
			with[rest[0]] = value
			choose(rest[1:], with)
		}
	}
	choose(parameters, map[string]string{})
}

func (s stack) holds(condition string) bool {
	expression, ok := s.template.Conditions[condition]
	if !ok {
		panic("no condition " + condition)
	}
	return s.truth(expression)
}

func (s stack) truth(expression any) bool {
	name, argument := call(expression)
	if name == "Condition" {
		return s.holds(argument.(string))
	}
	operands := argument.([]any)
	switch name {
	case "Fn::Equals":
		return s.resolve(operands[0]) == s.resolve(operands[1])
	case "Fn::Not":
		return !s.truth(operands[0])
	case "Fn::And":
		return !slices.ContainsFunc(operands, func(o any) bool { return !s.truth(o) })
	case "Fn::Or":
		return slices.ContainsFunc(operands, s.truth)
	case "Fn::EachMemberEquals": // of a rule: operands[0] asks for an attribute of each
		_, question := call(operands[0])
		asked := question.([]any)
		attributes := strings.Split(s.values[fmt.Sprintf("%s.%s", asked[0], asked[1])], ",")
		return !slices.ContainsFunc(attributes, func(a string) bool { return a != s.resolve(operands[1]) })
	}
	panic("not a condition: " + name)
}

// refusals are the sentences with which CloudFormation refuses the values, by the template's rules.
func (s stack) refusals() []string {
	var told []string
	for _, rule := range s.template.Rules {
		if rule.RuleCondition != nil && !s.truth(rule.RuleCondition) {
			continue
		}
		for _, assertion := range rule.Assertions {
			if !s.truth(assertion.Assert) {
				told = append(told, assertion.AssertDescription)
			}
		}
	}
	return told
}

// exists tells whether a resource or output under this condition is made.
func (s stack) exists(condition string) bool { return condition == "" || s.holds(condition) }

// call takes {"Fn::X": argument} apart; name is "" for any other value.
func call(value any) (name string, argument any) {
	object, ok := value.(map[string]any)
	if !ok || len(object) != 1 {
		return "", nil
	}
	for name, argument := range object {
		if name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::") {
			return name, argument
		}
	}
	return "", nil
}

// resolve replaces every function by its value. A resource stands for itself as <Name> or <Name.Attribute>.
func (s stack) resolve(value any) any {
	switch name, argument := call(value); name {
	case "":
		return s.resolveInside(value)
	case "Ref":
		return s.ref(argument.(string))
	case "Fn::Sub":
		return s.sub(argument)
	case "Fn::If":
		branches := argument.([]any)
		if s.holds(branches[0].(string)) {
			return s.resolve(branches[1])
		}
		return s.resolve(branches[2])
	default:
		return s.resolveList(name, argument.([]any))
	}
}

func (s stack) resolveInside(value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := map[string]any{}
		for key, item := range value {
			if item := s.resolve(item); item != (noValue{}) {
				object[key] = item
			}
		}
		return object
	case []any:
		list := []any{}
		for _, item := range value {
			if item := s.resolve(item); item != any(noValue{}) {
				list = append(list, item)
			}
		}
		return list
	}
	return value
}

func (s stack) ref(name string) any {
	if value, ok := s.values[name]; ok {
		return value
	}
	if value, ok := pseudoParameters[name]; ok {
		return value
	}
	return "<" + name + ">"
}

func (s stack) resolveList(name string, arguments []any) any {
	switch name {
	case "Fn::GetAtt":
		name := fmt.Sprintf("<%s.%s>", arguments[0], arguments[1])
		switch {
		case name == "<S3Endpoint.DnsEntries>":
			return []any{"Z1:*." + name}
		case arguments[1] == "DnsEntries": // hosted zone and name, the Region's own name first
			return []any{"Z1:" + name}
		}
		return name
	case "Fn::Split":
		var list []any
		for _, part := range strings.Split(s.resolve(arguments[1]).(string), arguments[0].(string)) {
			list = append(list, part)
		}
		return list
	case "Fn::Join":
		return strings.Join(oneOrMore(s.resolve(arguments[1])), arguments[0].(string))
	case "Fn::Select":
		return s.resolve(arguments[1]).([]any)[int(arguments[0].(float64))]
	}
	panic("unknown function " + name)
}

var placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)

func (s stack) sub(argument any) any {
	local := map[string]any{}
	if list, ok := argument.([]any); ok {
		argument, local = list[0], list[1].(map[string]any)
	}
	return placeholder.ReplaceAllStringFunc(argument.(string), func(found string) string {
		name := found[2 : len(found)-1]
		if value, ok := local[name]; ok {
			return fmt.Sprint(s.resolve(value))
		}
		return fmt.Sprint(s.ref(name))
	})
}

func TestAlternativesTurnEveryCondition(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for condition := range template.Conditions {
		seen := map[bool]bool{}
		everyStack(template, parametersOf(template, condition), func(s stack) { seen[s.holds(condition)] = true })
		if len(seen) != 2 {
			t.Errorf("condition %s is always %v, whatever the alternatives", condition, seen)
		}
	}
}

// parametersOf lists the parameters that decide a condition, in order.
func parametersOf(template template, conditions ...string) []string {
	found := map[string]bool{}
	var walk func(any)
	walk = func(value any) {
		switch name, argument := call(value); name {
		case "Condition":
			walk(template.Conditions[argument.(string)])
		case "Ref":
			found[argument.(string)] = true
		case "":
			list, _ := value.([]any)
			for _, item := range list {
				walk(item)
			}
		default:
			walk(argument)
		}
	}
	for _, condition := range conditions {
		walk(map[string]any{"Condition": condition})
	}
	return slices.Sorted(maps.Keys(found))
}
