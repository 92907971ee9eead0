package main_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localaws"
)

// stack is CloudFormation with one stack: what its custom resource answered last.
type stack struct {
	t        *testing.T
	aws      *localaws.Stack
	function *localaws.Function
	url      string
	answer   struct{ Status, Reason, PhysicalResourceID string }
}

type parameters struct {
	Settings, NewSecret map[string]string
	Arns                map[string]any `json:",omitempty"`
	Schedule            string         `json:",omitempty"`
	Sweep               any            `json:",omitempty"`
	Network             any            `json:",omitempty"`
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var told struct {
			Status, Reason     string
			PhysicalResourceID string `json:"PhysicalResourceId"`
			StackID            string `json:"StackId"`
			RequestID          string `json:"RequestId"`
			LogicalResourceID  string `json:"LogicalResourceId"`
		}
		if err := json.NewDecoder(r.Body).Decode(&told); err != nil || r.Method != http.MethodPut || r.Header.Get("Content-Type") != "" {
			t.Errorf("%s with Content-Type %q: %v", r.Method, r.Header.Get("Content-Type"), err) // the address is signed for none
		}
		if told.StackID != "arn:stack" || told.RequestID != "request" || told.LogicalResourceID != "ParameterCheck" {
			t.Errorf("the answer is to another request: %+v", told)
		}
		s.answer.Status, s.answer.Reason, s.answer.PhysicalResourceID = told.Status, told.Reason, told.PhysicalResourceID
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/signed?Signature=confidential"
	s.aws, s.function = newFunction(t, map[string]string{"_HANDLER": "stack-parameters"})
	return s
}

// ask sends a request, and remembers the identity as CloudFormation does.
func (s *stack) ask(kind string, now, before parameters) (refusal string) {
	s.t.Helper()
	event := map[string]any{"RequestType": kind, "ResponseURL": s.url, "StackId": "arn:stack", "RequestId": "request", "LogicalResourceId": "ParameterCheck",
		"PhysicalResourceId": s.answer.PhysicalResourceID, "ResourceProperties": now, "OldResourceProperties": before}
	payload, err := json.Marshal(event)
	if err != nil {
		s.t.Fatal(err)
	}
	result, err := s.function.Invoke(s.t.Context(), payload)
	if err != nil || result.FunctionError != "" {
		s.t.Fatalf("%v %s", err, result.Payload)
	}
	if (s.answer.Status == "SUCCESS") != (s.answer.Reason == "") || s.answer.PhysicalResourceID == "" {
		s.t.Fatalf("answered %+v", s.answer)
	}
	return s.answer.Reason
}

func TestStackIsRefusedWhatWouldFailAtNight(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	good := map[string]string{"LOCK_INTERVAL_DAYS": "90", "DELETE_INTERVAL_DAYS": "180", "IGNORE_USER_LIST": `["batch_*"]`}
	for _, c := range []struct{ name, value, expected string }{
		{"LOCK_INTERVAL_DAYS", "90", ""},
		{"DELETE_INTERVAL_DAYS", "", ""},
		{"DELETE_INTERVAL_DAYS", "90", "DELETE_INTERVAL_DAYS is 90, and must be greater than LOCK_INTERVAL_DAYS, 90"},
		{"LOCK_INTERVAL_DAYS", "365", "must be greater than LOCK_INTERVAL_DAYS, 365"},
		{"IGNORE_USER_LIST", `["a]`, `IGNORE_USER_LIST is "[\"a]"`},
		{"IGNORE_USER_LIST", "[" + strings.Repeat(`"a",`, 2000), "IGNORE_USER_LIST"},
	} {
		settings := map[string]string{}
		for name, value := range good {
			settings[name] = value
		}
		settings[c.name] = c.value
		s.answer.PhysicalResourceID = ""
		if got := s.ask("Create", parameters{Settings: settings}, parameters{}); (got == "") != (c.expected == "") || !strings.Contains(got, c.expected) || len(got) > 2100 {
			t.Errorf("%s %.40q: %q, expected %q", c.name, c.value, got, c.expected)
		}
	}
}

// A password that expires while it is in use is one that rotation refuses to set.
func TestStackIsRefusedPasswordsThatExpireInUse(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	for _, c := range []struct {
		schedule, days, refused string // refused = what would do
	}{
		{"rate(30 days)", "61", ""}, {"rate(30 days)", "60", "more than 60 days"}, {"rate(4 hours)", "1", ""}, {"rate(1 day)", "2", "more than 2 days"},
		{"rate(30 hours)", "2", "more than 2 days"}, {"rate(30 hours)", "3", ""}, {"rate(30 days)", "", ""}, {"", "1", ""}, {"cron(0 3 1 * ? *)", "1", ""},
	} {
		s.answer.PhysicalResourceID = ""
		told := s.ask("Create", parameters{Settings: map[string]string{"PASSWORD_VALID_DAYS": c.days}, Schedule: c.schedule}, parameters{})
		if (told == "") != (c.refused == "") {
			t.Errorf("%s and %q: %q", c.schedule, c.days, told)
		}
		for _, part := range []string{"PasswordValidDays is " + c.days + `, and RotationScheduleExpression "` + c.schedule + `"`, c.refused, "or a shorter RotationScheduleExpression"} {
			if told != "" && !strings.Contains(told, part) {
				t.Errorf("%s and %q: %q, without %q", c.schedule, c.days, told, part)
			}
		}
	}
	days := func(schedule string) parameters {
		return parameters{Settings: map[string]string{"PASSWORD_VALID_DAYS": "20"}, Schedule: schedule}
	}
	s.answer.PhysicalResourceID = ""
	if told := s.ask("Create", days("rate(9 days)"), parameters{}); told != "" {
		t.Fatal(told)
	}
	if told := s.ask("Update", days("rate(10 days)"), days("rate(9 days)")); told == "" {
		t.Error("a longer interval alone is not looked at")
	}
}

// An alarm that comes between any two sweeps is one that nobody looks at any more.
func TestStackIsRefusedAnAlarmInVain(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	sweep := func(schedule, hours string) parameters {
		return parameters{Sweep: map[string]string{"Schedule": schedule, "MissingAfterHours": hours}}
	}
	for _, c := range []struct {
		schedule, hours string
		refused         bool
	}{
		{"rate(1 day)", "26", false}, {"rate(1 day)", "24", true}, {"rate(6 hours)", "7", false}, {"rate(6 hours)", "2", true}, {"cron(17 3 * * ? *)", "2", false},
		{"rate(1 hour)", "many", true},
	} {
		s.answer.PhysicalResourceID = ""
		if told := s.ask("Create", sweep(c.schedule, c.hours), parameters{}); (told != "") != c.refused || c.refused && !strings.Contains(told, "SweepMissingAfterHours is ") {
			t.Errorf("%s and %s: %q", c.schedule, c.hours, told)
		}
	}
	s.answer.PhysicalResourceID = ""
	if told := s.ask("Create", sweep("rate(6 hours)", "7"), parameters{}); told != "" {
		t.Fatal(told)
	}
	if told := s.ask("Update", sweep("rate(1 day)", "7"), sweep("rate(6 hours)", "7")); told == "" {
		t.Error("a changed schedule alone is not looked at")
	}
}

// What is of another Region does not exist for the functions, and nobody would be told before the first night.
func TestStackIsRefusedWhatIsOfAnotherRegion(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	in := func(region string) string {
		return "arn:aws:secretsmanager:" + region + ":111122223333:secret:orders-AbCdEf"
	}
	for _, c := range []struct {
		arns     any
		expected []string
	}{
		{"", nil},
		{in(localaws.Region), nil},
		{in("eu-west-1"), []string{in("eu-west-1")}},
		{[]string{in(localaws.Region), in("eu-west-1")}, []string{`"` + in("eu-west-1") + `" is in the Region "eu-west-1", and the functions work in "us-east-1"`}},
		{[]string{in("eu-west-1"), in("us-east-2")}, []string{in("eu-west-1"), in("us-east-2")}},
	} {
		s.answer.PhysicalResourceID = ""
		told := s.ask("Create", parameters{Arns: map[string]any{"SecretArn": "", "AdditionalSecretArns": c.arns}}, parameters{})
		if (told == "") != (c.expected == nil) || told != "" && !strings.HasPrefix(told, "AdditionalSecretArns: ") {
			t.Errorf("%v: %q", c.arns, told)
		}
		for _, part := range c.expected {
			if !strings.Contains(told, part) {
				t.Errorf("%v: %q, without %q", c.arns, told, part)
			}
		}
	}
	s.answer.PhysicalResourceID = ""
	here, there := parameters{Arns: map[string]any{"SecretArn": in(localaws.Region)}}, parameters{Arns: map[string]any{"SecretArn": in("eu-west-1")}}
	if told := s.ask("Create", here, parameters{}); told != "" {
		t.Fatal(told)
	}
	if told := s.ask("Update", there, here); told == "" {
		t.Error("a changed ARN alone is not looked at")
	}
}

// A changed parameter of the new secret would have CloudFormation overwrite a password that clients hold.
func TestStackKeepsTheSecretThatItMade(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	with := func(host, lock string) parameters {
		return parameters{Settings: map[string]string{"LOCK_INTERVAL_DAYS": lock}, NewSecret: map[string]string{"DatabaseHost": host, "DatabaseUser": "app_a"}}
	}
	existing := parameters{Settings: map[string]string{"LOCK_INTERVAL_DAYS": "90"}}
	first, other, longer := with("orders.example.com", "90"), with("payroll.example.com", "90"), with("orders.example.com", "365")

	if told := s.ask("Create", first, parameters{}); told != "" {
		t.Fatal(told)
	}
	made := s.answer.PhysicalResourceID
	told := s.ask("Update", other, first)
	if !strings.Contains(told, `DatabaseHost from "orders.example.com" to "payroll.example.com"`) || strings.Contains(told, "DatabaseUser") {
		t.Errorf("changing the host: %q", told)
	}
	if s.answer.PhysicalResourceID != made {
		t.Error("a refused change would have CloudFormation delete the resource that stays")
	}
	if told := s.ask("Update", first, other); told != "" {
		t.Errorf("the rollback of it is refused: %q", told)
	}
	for _, step := range []struct {
		name        string
		now, before parameters
	}{
		{"another policy", longer, first}, {"the secret named as an existing one", existing, longer}, {"another new secret", other, existing}, {"the end", other, other},
	} {
		kind := "Update"
		if step.name == "the end" {
			kind = "Delete"
		}
		if told := s.ask(kind, step.now, step.before); told != "" {
			t.Errorf("%s: %q", step.name, told)
		}
	}
}

// Where CloudFormation cannot be told, the error is, and without the address, which is a credential.
func TestStackThatCannotBeTold(t *testing.T) {
	t.Parallel()
	_, function := newFunction(t, map[string]string{"_HANDLER": "stack-parameters"})
	refusing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refusing.Close)
	for url, expected := range map[string]string{
		"http://127.0.0.1:1/?Signature=confidential": "connection refused", "%": "no URL", "": "", refusing.URL + "/?Signature=confidential": "404 Not Found",
	} {
		payload, err := json.Marshal(map[string]any{"RequestType": "Create", "ResponseURL": url})
		if err != nil {
			t.Fatal(err)
		}
		told := refusal(t, function, string(payload))
		if !strings.HasPrefix(told, "answering CloudFormation: ") || !strings.Contains(told, expected) || strings.Contains(told, "confidential") {
			t.Errorf("%q: %s", url, told)
		}
	}
}
