package deploy_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var functions = []string{"RotationFunction", "SweepFunction"}

// A rotation step and everything it repeats ends within rotationDeadline. The runtime needs some seconds more: a cold
// start in a VPC, and time to answer. revoke waits besides for the logins under way, which PostgreSQL ends after
// authentication_timeout. The check of the parameters keeps answerDeadline for its answer to CloudFormation.
const (
	rotationDeadline      = 25 * time.Second
	authenticationTimeout = time.Minute // PostgreSQL's own setting
	answerDeadline        = 20 * time.Second
	lambdaLongest         = 15 * time.Minute
)

func TestTimeoutsExceedTheCodesDeadlines(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	timeout := func(function string) time.Duration {
		return time.Duration(template.Resources[function].Properties["Timeout"].(float64)) * time.Second
	}
	if got := timeout("RotationFunction"); got < 2*(rotationDeadline+authenticationTimeout) {
		t.Errorf("the rotation function ends after %v; a step may take %v, and revoke waits %v for logins under way", got, rotationDeadline, authenticationTimeout)
	}
	answer, service := timeout("ParameterCheckFunction"), template.Resources["ParameterCheck"].Properties["ServiceTimeout"].(float64)
	if answer < 2*answerDeadline || answer >= time.Duration(service)*time.Second {
		t.Errorf("the check of the parameters ends after %v; its answer may take %v, and CloudFormation waits for %v s", answer, answerDeadline, service)
	}
	if got := timeout("SweepFunction"); got != lambdaLongest {
		t.Errorf("the sweep ends after %v; a long log needs all of %v", got, lambdaLongest)
	}
}

func TestFunctionsAreOneBinaryForTheRuntimeThatRunsIt(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for _, name := range functions {
		function := template.Resources[name]
		if function.Metadata["BuildMethod"] != "makefile" {
			t.Errorf("SAM would not build %s with make", name)
		}
		for property, expected := range map[string]string{"Handler": "bootstrap", "Runtime": "provided.al2023", "CodeUri": "."} {
			if got := function.Properties[property]; got != expected {
				t.Errorf("%s of %s is %v, expected %s", property, name, got, expected)
			}
		}
		for _, architecture := range []string{"arm64", "x86_64"} {
			s := newStack(template, map[string]string{"Architecture": architecture})
			if got := oneOrMore(s.resolve(function.Properties["Architectures"])); !slices.Equal(got, []string{architecture}) {
				t.Errorf("%s runs on %v where %s is asked for", name, got, architecture)
			}
		}
	}
}

func TestMakefileBuildsWhatTheTemplateRuns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../Makefile")
	if os.IsNotExist(err) {
		t.Skip("Makefile does not exist")
	}
	if err != nil {
		t.Fatal(err)
	}
	makefile := string(text)
	for _, name := range functions {
		if !regexp.MustCompile(`(?m)^[^#\t]*\bbuild-` + name + `\b[^=]*:`).MatchString(makefile) {
			t.Errorf("the Makefile has no target build-%s", name)
		}
	}
	goNames := map[string]string{"arm64": "arm64", "x86_64": "amd64"}
	byDefault := goNames[readTemplate(t).Parameters["Architecture"].Default.(string)]
	for _, expected := range []string{"$(ARTIFACTS_DIR)/bootstrap", "GOOS=linux", byDefault, "lambda.norpc"} {
		if !strings.Contains(makefile, expected) {
			t.Errorf("the Makefile does not mention %s", expected)
		}
	}
}

func TestSweepReportsOnlyUnlessToldToAct(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	schedule := template.Resources["SweepSchedule"]
	for mode, dryRun := range map[string]bool{"": true, "report": true, "act": false} {
		s := newStack(template, nil)
		if mode != "" {
			s.values["SweepMode"] = mode
		}
		var event struct {
			Action   string
			SecretID string `json:"secretId"`
			DryRun   *bool
		}
		input := s.resolve(schedule.Properties["Target"].(map[string]any)["Input"]).(string)
		if err := json.Unmarshal([]byte(input), &event); err != nil {
			t.Fatalf("%s: %v", input, err)
		}
		if event.Action != "sweep" || event.SecretID != ownSecretOf(s) || event.DryRun == nil || *event.DryRun != dryRun {
			t.Errorf("in mode %q the schedule sends %s", mode, input)
		}
	}
	if s := newStack(template, map[string]string{"SweepMode": "off"}); s.exists(schedule.Condition) {
		t.Error("the schedule exists in mode off")
	}
}

func TestRotationWaitsUntilItIsEnabled(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	schedule := template.Resources["RotationSchedule"]
	if newStack(template, nil).exists(schedule.Condition) {
		t.Error("rotation is on by default, before setup could run")
	}
	if newStack(template, map[string]string{"RotationEnabled": "true", "AssumeRoleArn": assumedRole}).exists(schedule.Condition) {
		t.Error("the schedule of a secret in another account is made in this one")
	}
	if schedule.Properties["RotateImmediatelyOnUpdate"] != false {
		t.Error("turning rotation on rotates at once")
	}
	first := map[string]bool{}
	for _, dependency := range dependsOn(schedule.DependsOn) {
		first[dependency.target] = true
	}
	for name := range maps.Clone(first) { // a handle waits for what its metadata names
		for _, waited := range references(template.Resources[name].Metadata, nil) {
			first[waited.target] = true
		}
	}
	for _, needed := range []string{"RotationPermission", "RotationSecretPolicy", "RotationNetworkPolicy", "DatabaseIngress"} {
		if !first[needed] {
			t.Errorf("the schedule, whose creation runs testSecret, does not wait for %s", needed)
		}
	}
}

func TestNewSecretIsWhatTheFunctionsRead(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	secret := template.Resources["Secret"].Properties["GenerateSecretString"].(map[string]any)
	for kind, key := range map[string]string{"cluster": "dbClusterIdentifier", "instance": "dbInstanceIdentifier"} {
		for _, master := range []string{"", masterSecret} {
			s := newStack(template, map[string]string{"DatabaseKind": kind, "MasterSecretArn": master, "DatabaseHost": "orders.example.com"})
			var value map[string]any
			text := s.resolve(secret["SecretStringTemplate"]).(string)
			if err := json.Unmarshal([]byte(text), &value); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if value["host"] != "orders.example.com" || value["username"] != "app_a" || value["port"] != 5432.0 || value[key] != "orders" {
				t.Errorf("a new secret would read %s", text)
			}
			if got, ok := value["masterarn"]; ok != (master != "") || ok && got != master {
				t.Errorf("masterarn is %v for the master secret %q", got, master)
			}
		}
	}
	if secret["GenerateStringKey"] != "password" {
		t.Errorf("the password would be under %v", secret["GenerateStringKey"])
	}
}

// Taking the master secret out of the function's reach must not make CloudFormation write a new password.
func TestWithdrawingTheMasterSecretLeavesTheNewSecretAsItIs(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	value := func(access string) string {
		s := newStack(template, map[string]string{"MasterSecretArn": masterSecret, "MasterSecretAccess": access})
		encoded, err := json.Marshal(s.resolve(template.Resources["Secret"].Properties))
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded)
	}
	if granted, none := value("granted"), value("none"); granted != none {
		t.Errorf("the secret's properties change from\n%s to\n%s", granted, none)
	}
}

func TestNothingHasAFixedName(t *testing.T) {
	t.Parallel()
	naming := []string{"Name", "FunctionName", "RoleName", "LogGroupName", "TopicName", "QueueName", "AlarmName", "DashboardName", "GroupName"}
	for id, resource := range readTemplate(t).Resources {
		for _, property := range naming {
			if _, fixed := resource.Properties[property].(string); fixed {
				t.Errorf("%s has the fixed %s %v: a second stack would fail", id, property, resource.Properties[property])
			}
		}
	}
}
