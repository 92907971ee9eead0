package deploy_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// metric is a metric of ours as an alarm or a widget names it: the function it belongs to, and whether it is kept per step.
type metric struct {
	name, function string
	perStep        bool
}

func TestEveryAlarmReachesTheTopic(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for topic, expected := range map[string]string{"": "<NoticeTopic>", alternatives["NoticeTopicArn"][0]: alternatives["NoticeTopicArn"][0]} {
		s := newStack(template, map[string]string{"NoticeTopicArn": topic})
		for name, resource := range template.Resources {
			if resource.Type != "AWS::CloudWatch::Alarm" || name == "RotationFinished" { // no fault: a rule listens to it
				continue
			}
			if got := oneOrMore(s.resolve(resource.Properties["AlarmActions"])); !slices.Equal(got, []string{expected}) {
				t.Errorf("%s tells %v, not %s", name, got, expected)
			}
			if description, _ := s.resolve(resource.Properties["AlarmDescription"]).(string); !strings.Contains(description, s.values["DatabaseIdentifier"]) {
				t.Errorf("the mail of %s does not name the database: %q", name, description)
			}
		}
	}
}

// An alarm that is left out is left out alone, and the parameter takes the names of alarms and nothing else.
func TestEachAlarmCanBeLeftOut(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	var written []string
	for name, resource := range template.Resources {
		if resource.Type == "AWS::CloudWatch::Alarm" && name != "RotationFinished" {
			written = append(written, name)
		}
	}
	if slices.Sort(written); !slices.Equal(written, alarms) {
		t.Fatalf("the template has the alarms\n%v\nand this test knows\n%v", written, alarms)
	}
	for _, fleet := range []string{"true", "false"} {
		whole := map[string]string{"Fleet": fleet, "RotationEnabled": "true", "RedeployServiceArns": shop}
		made := func(leftOut string) []string {
			s := newStack(template, whole)
			s.values["AlarmsLeftOut"] = leftOut
			return slices.DeleteFunc(slices.Clone(alarms), func(name string) bool { return !s.exists(template.Resources[name].Condition) })
		}
		all := made("none")
		for _, name := range alarms {
			expected := slices.DeleteFunc(slices.Clone(all), func(other string) bool { return other == name })
			if got := made(name); !slices.Equal(got, expected) {
				t.Errorf("with Fleet=%s and without %s, the alarms are %v", fleet, name, got)
			}
		}
		if got := made("RotationErrors,SweepThrottles,PreviousStillInUse"); len(got) != len(all)-3 {
			t.Errorf("with Fleet=%s and without three, the alarms are %v", fleet, got)
		}
	}
	for _, value := range []string{"", "none,RotationErrors", "RotationFinished", "rotationerrors", "RotationErrors,", "RotationErrors, SweepErrors", "Rotation", "all"} {
		if template.Parameters["AlarmsLeftOut"].accepts(value) {
			t.Errorf("AlarmsLeftOut takes %q", value)
		}
	}
}

// Whoever leaves alarms out looks their names up on the page.
func TestPageNamesEveryAlarm(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range alarms {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("the page does not name %s", name)
		}
	}
}

func TestSilenceOfTheSweepIsAnAlarm(t *testing.T) {
	t.Parallel()
	s := newStack(readTemplate(t), nil)
	alarm := s.resolve(s.template.Resources["SweepMissing"].Properties).(map[string]any)
	if alarm["TreatMissingData"] != "breaching" || alarm["ComparisonOperator"] != "LessThanThreshold" {
		t.Errorf("a sweep that stopped sends no data, and the alarm takes that for %v, %v", alarm["TreatMissingData"], alarm["ComparisonOperator"])
	}
	// CloudWatch looks back a week at most, in periods of an hour.
	hours, period := s.template.Parameters["SweepMissingAfterHours"].MaxValue, alarm["Period"].(float64)
	if period != 3600 || *hours*period > 604800 {
		t.Errorf("the alarm would look back %v periods of %v s", *hours, period)
	}
}

func TestFailedRotationIsToldEvenWhenTheCodeNeverRan(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	rule := template.Resources["RotationFailureRule"]
	for more, count := range map[string]int{"": 1, moreSecrets: 3} {
		s := newStack(template, map[string]string{"AdditionalSecretArns": more})
		detail := s.resolve(rule.Properties["EventPattern"]).(map[string]any)["detail"].(map[string]any)
		secrets := oneOrMore(detail["additionalEventData"].(map[string]any)["SecretId"])
		if len(secrets) != count || secrets[0] != ownSecretOf(s) {
			t.Errorf("with %q the rule listens to %v", more, secrets)
		}
		target := s.resolve(rule.Properties["Targets"]).([]any)[0].(map[string]any)
		var message string
		text := target["InputTransformer"].(map[string]any)["InputTemplate"].(string)
		if err := json.Unmarshal([]byte(text), &message); err != nil {
			t.Errorf("the message is not one JSON string, as EventBridge wants it: %v\n%s", err, text)
		}
	}
}

// The dashboard and the alarms must ask for the metrics under the same dimensions.
func TestDashboardAndAlarmsAgreeOnMetrics(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	shown := map[metric]bool{}
	for _, m := range dashboardMetrics(t, template) {
		shown[m] = true
	}
	for name, resource := range template.Resources {
		if resource.Type != "AWS::CloudWatch::Alarm" || resource.Properties["Namespace"] != "pgrotator" {
			continue
		}
		dimensions := newStack(template, nil).resolve(resource.Properties["Dimensions"]).([]any)
		first := dimensions[0].(map[string]any)
		m := metric{resource.Properties["MetricName"].(string), fmt.Sprint(first["Value"]), len(dimensions) > 1}
		if first["Name"] != "FunctionName" || !shown[m] {
			t.Errorf("%s watches %v, which the dashboard does not show", name, m)
		}
	}
}

// dashboardMetrics lists the metrics of ours that the dashboards show, of one database and of a fleet.
func dashboardMetrics(t *testing.T, template template) []metric {
	t.Helper()
	return append(metricsShown(t, template, "Dashboard"), metricsShown(t, template, "FleetDashboard")...)
}

func metricsShown(t *testing.T, template template, dashboard string) []metric {
	t.Helper()
	text := newStack(template, nil).resolve(template.Resources[dashboard].Properties["DashboardBody"]).(string)
	var body struct {
		Widgets []struct {
			Type       string
			Properties struct{ Metrics [][]any }
		}
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatalf("reading the dashboard: %v", err)
	}
	var found []metric
	lambdas := 0
	for _, widget := range body.Widgets {
		for _, line := range widget.Properties.Metrics {
			if line[0] == "AWS/Lambda" && line[2] == "FunctionName" {
				lambdas++
				continue
			}
			if line[0] != "pgrotator" || line[2] != "FunctionName" {
				t.Errorf("a widget of %s shows %v", dashboard, line)
				continue
			}
			found = append(found, metric{line[1].(string), line[3].(string), len(line) > 5 && line[4] == "Step"})
		}
	}
	if len(found) == 0 || lambdas == 0 {
		t.Errorf("%s shows %d metrics of ours, and %d of Lambda's own", dashboard, len(found), lambdas)
	}
	return found
}

// A metric that the code does not send leaves an empty widget and an alarm that never fires.
func TestCodeSendsEveryMetricShown(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "../metrics.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			sent[strings.Trim(literal.Value, `"`)] = true
		}
		return true
	})
	for _, m := range dashboardMetrics(t, readTemplate(t)) {
		if !sent[m.name] {
			t.Errorf("metrics.go does not send %s", m.name)
		}
	}
}
