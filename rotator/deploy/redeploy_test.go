package deploy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const (
	shop      = "arn:aws:ecs:eu-west-1:111122223333:service/web/shop"
	warehouse = "arn:aws:ecs:eu-west-1:111122223333:service/back-office/warehouse"
	gone      = "arn:aws:ecs:eu-west-1:111122223333:service/web/gone"
)

// matches is EventBridge's way with the patterns that the template has: lists of values that a field may have.
func matches(pattern, event any) bool {
	switch pattern := pattern.(type) {
	case map[string]any:
		fields, ok := event.(map[string]any)
		for key, inside := range pattern {
			ok = ok && matches(inside, fields[key])
		}
		return ok
	case []any:
		values, ok := event.([]any)
		if !ok {
			values = []any{event}
		}
		return slices.ContainsFunc(values, func(v any) bool { return slices.Contains(pattern, v) })
	}
	return false
}

// rotationEvent is what Secrets Manager tells CloudTrail, and CloudTrail EventBridge (Secrets Manager User Guide, "Match AWS Secrets
// Manager events with Amazon EventBridge").
func rotationEvent(t *testing.T, name, secret string) any {
	t.Helper()
	var event any
	text := `{"source":"aws.secretsmanager","detail-type":"AWS Service Event via CloudTrail","account":"111122223333","resources":[],"detail":{
		"eventSource":"secretsmanager.amazonaws.com","eventName":"` + name + `","additionalEventData":{"SecretId":"` + secret + `"}}}`
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		t.Fatal(err)
	}
	return event
}

func TestRedeploymentFollowsItsOwnSecretsRotation(t *testing.T) {
	t.Parallel()
	s := newStack(readTemplate(t), map[string]string{"SecretArn": ownSecret, "AdditionalSecretArns": moreSecrets, "RedeployServiceArns": shop})
	rule := s.resolve(s.template.Resources["RedeployEventRule"].Properties["EventPattern"])
	for _, c := range []struct {
		name, secret string
		expected     bool
	}{
		{"RotationSucceeded", ownSecret, true},
		{"RotationSucceeded", strangerSecret, false},
		{"RotationStarted", ownSecret, false},
		{"RotationFailed", ownSecret, false},
	} {
		if got := matches(rule, rotationEvent(t, c.name, c.secret)); got != c.expected {
			t.Errorf("%s of %s starts a redeployment: %v", c.name, c.secret, got)
		}
	}
}

// Without a trail the alarm's change of state is the event. It must watch what the function counts, and no other state may start it.
func TestRedeploymentWithoutTrail(t *testing.T) {
	t.Parallel()
	s := newStack(readTemplate(t), map[string]string{"RedeployServiceArns": shop, "RedeployBy": "metric"})
	alarm := s.resolve(s.template.Resources["RotationFinished"].Properties).(map[string]any)
	shown := metric{alarm["MetricName"].(string), "<RotationFunction>", true}
	if !slices.Contains(dashboardMetrics(t, s.template), shown) {
		t.Errorf("the alarm watches %v, which the dashboard does not show", shown)
	}
	rule := s.resolve(s.template.Resources["RedeployMetricRule"].Properties["EventPattern"])
	for state, expected := range map[string]bool{"ALARM": true, "OK": false, "INSUFFICIENT_DATA": false} {
		event := map[string]any{"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
			"resources": []any{"<RotationFinished.Arn>"}, "detail": map[string]any{"state": map[string]any{"value": state}}}
		if got := matches(rule, event); got != expected {
			t.Errorf("the state %s starts a redeployment: %v", state, got)
		}
	}
}

func TestRedeploymentIsStartedInOneWay(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	everyStack(template, []string{"RedeployServiceArns", "RedeployBy", "AssumeRoleArn"}, func(s stack) {
		if s.values["AssumeRoleArn"] != "" {
			s.values["SecretArn"] = foreignSecret
		}
		s.values["DatabaseHost"], s.values["DatabaseSecurityGroupId"] = "orders.example.com", "sg-0123456789abcdef1"
		if len(s.refusals()) > 0 {
			return
		}
		ways := 0
		for _, rule := range []string{"RedeployEventRule", "RedeployMetricRule"} {
			if s.exists(template.Resources[rule].Condition) {
				ways++
			}
		}
		if wanted := s.values["RedeployServiceArns"] != ""; (ways == 1) != wanted {
			t.Errorf("%d rules start a redeployment with %v", ways, s.values)
		}
	})
}

func TestRedeploymentMayDoNothingElse(t *testing.T) {
	t.Parallel()
	s := newStack(readTemplate(t), map[string]string{"RedeployServiceArns": shop + "," + warehouse})
	statements := s.statements("RedeployRole")
	if len(statements) != 1 || !slices.Equal(statements[0].actions, []string{"ecs:UpdateService"}) || !slices.Equal(statements[0].resources, []string{shop, warehouse}) {
		t.Errorf("the redeployment may %+v", statements)
	}
	start := s.statements("RedeployRuleRole")
	if len(start) != 1 || !slices.Equal(start[0].actions, []string{"states:StartExecution"}) || !slices.Equal(start[0].resources, []string{"<RedeployServices>"}) {
		t.Errorf("the rule may %+v", start)
	}
}

// One service that is gone must not keep the others from reading the secret, and must not pass unseen.
func TestRedeploymentRuns(t *testing.T) {
	t.Parallel()
	cases := []struct {
		listed, exist []string
		status        string
	}{
		{[]string{shop, warehouse}, []string{shop, warehouse}, "SUCCEEDED"},
		{[]string{gone, warehouse, shop}, []string{shop, warehouse}, "FAILED"},
	}
	var requests []any
	for _, c := range cases {
		s := newStack(readTemplate(t), map[string]string{"RedeployServiceArns": strings.Join(c.listed, ",")})
		definition := s.resolve(s.template.Resources["RedeployServices"].Properties["Definition"]).(map[string]any)
		delete(inside(definition, "States", "Each", "ItemProcessor", "States", "Redeploy"), "Retry") // which would wait
		requests = append(requests, map[string]any{"definition": definition, "services": c.exist})
	}
	var answers []struct {
		Status   string
		Deployed []string
	}
	if err := json.Unmarshal(python(t, "redeploy_moto.py", []string{"moto", "boto3", "antlr4"}, requests), &answers); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if answers[i].Status != c.status || !slices.Equal(answers[i].Deployed, c.exist) {
			t.Errorf("with %q, of which %q exist: %+v", c.listed, c.exist, answers[i])
		}
	}
}

func inside(value map[string]any, path ...string) map[string]any {
	for _, key := range path {
		value = value[key].(map[string]any)
	}
	return value
}
