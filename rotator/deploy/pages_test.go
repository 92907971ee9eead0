package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// blocks are a page's pieces of code in a language, in order.
func blocks(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 {
		t.Fatalf("%s has no code in %s", page, language)
	}
	return found
}

// program is the path of one that a page is checked with; where it is not installed, the test is skipped.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// run runs a program in a folder and returns what it printed.
func run(t *testing.T, folder string, environment []string, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), environment...)
	printed, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, printed)
	}
	return string(printed)
}

// noConfiguration keeps Terraform from asking what this machine's user has set.
var noConfiguration = []string{"TF_CLI_CONFIG_FILE=" + os.DevNull, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTerraformPageIsWrittenAsTerraformWritesIt(t *testing.T) {
	t.Parallel()
	terraform, folder := program(t, "terraform"), t.TempDir()
	for i, block := range blocks(t, "terraform.md", "hcl") {
		write(t, filepath.Join(folder, fmt.Sprintf("block%d.tf", i)), block)
	}
	run(t, folder, noConfiguration, terraform, "fmt", "-check", "-diff")
}

// A function of the page has the memory and the time that the template's has.
func TestTerraformPagesFunctionsAreTheTemplates(t *testing.T) {
	t.Parallel()
	s := newStack(readTemplate(t), nil)
	for name, function := range map[string]string{"rotation": "RotationFunction", "sweep": "SweepFunction"} {
		given := regexp.MustCompile(name + ` += \{ name = .*, memory = (\d+), timeout = (\d+),`).FindStringSubmatch(blocks(t, "terraform.md", "hcl")[3])
		properties := s.resolve(s.template.Resources[function].Properties).(map[string]any)
		expected := []string{fmt.Sprint(properties["MemorySize"]), fmt.Sprint(properties["Timeout"])}
		if len(given) != 3 || !slices.Equal(given[1:], expected) {
			t.Errorf("the page gives %s %q, and the template %q of memory and time", name, given, expected)
		}
	}
}

// moduleCall evaluates the page's policies for the stack that the interpreter of the template resolves.
const moduleCall = `module "policies" {
  source            = "./policies"
  partition         = "aws"
  region            = "eu-west-1"
  account_id        = %q
  secret_arn        = %q
  master_secret_arn = %q
  cluster           = "orders"
  rotation          = { function_arn = "<RotationFunction.Arn>", log_group_arn = "<RotationLogGroup.Arn>" }
  sweep             = { function_arn = "<SweepFunction.Arn>", log_group_arn = "<SweepLogGroup.Arn>" }
  topic_arn         = "<NoticeTopic>"
  queue_arn         = "<SweepFailures.Arn>"
}
output "RotationRole" { value = module.policies.rotation }
output "SweepRole" { value = module.policies.sweep }
`

func TestTerraformPagesPoliciesAreTheTemplates(t *testing.T) {
	t.Parallel()
	terraform, folder := program(t, "terraform"), t.TempDir()
	write(t, filepath.Join(folder, "policies/main.tf"), blocks(t, "terraform.md", "hcl")[2])
	write(t, filepath.Join(folder, "main.tf"), fmt.Sprintf(moduleCall, account, ownSecret, masterSecret))
	run(t, folder, noConfiguration, terraform, "init", "-input=false")
	run(t, folder, noConfiguration, terraform, "apply", "-input=false", "-auto-approve")
	var outputs map[string]struct{ Value string }
	if err := json.Unmarshal([]byte(run(t, folder, noConfiguration, terraform, "output", "-json")), &outputs); err != nil {
		t.Fatal(err)
	}
	s := newStack(readTemplate(t), map[string]string{"SecretArn": ownSecret, "MasterSecretArn": masterSecret})
	for _, role := range []string{"RotationRole", "SweepRole"} {
		var policy struct{ Statement []map[string]any }
		if err := json.Unmarshal([]byte(outputs[role].Value), &policy); err != nil {
			t.Fatal(err)
		}
		page := map[string]statement{}
		for _, item := range policy.Statement {
			page[item["Sid"].(string)] = newStatement(item)
		}
		compareStatements(t, role, page, bySid(s.statements(role)))
	}
}

func bySid(statements []statement) map[string]statement {
	found := map[string]statement{}
	for _, s := range statements {
		found[s.sid] = s
	}
	return found
}

func compareStatements(t *testing.T, role string, page, template map[string]statement) {
	t.Helper()
	if ours, theirs := slices.Sorted(maps.Keys(page)), slices.Sorted(maps.Keys(template)); !slices.Equal(ours, theirs) {
		t.Errorf("%s has the statements\n%v\nand in the template\n%v", role, ours, theirs)
	}
	for sid, statement := range page {
		slices.Sort(statement.actions)
		slices.Sort(template[sid].actions)
		if !reflect.DeepEqual(statement, template[sid]) {
			t.Errorf("%s of %s is\n%+v\nand in the template\n%+v", sid, role, statement, template[sid])
		}
	}
}

// A misspelt variable would be ignored without a word.
func TestTerraformPageNamesVariablesThatAreRead(t *testing.T) {
	t.Parallel()
	read := environmentConstants(t)
	for _, block := range blocks(t, "terraform.md", "hcl") {
		for _, match := range regexp.MustCompile(`\b([A-Z]+(?:_[A-Z]+)+)\s*=`).FindAllStringSubmatch(block, -1) {
			if !slices.Contains(read, match[1]) {
				t.Errorf("the functions do not read %s", match[1])
			}
		}
	}
}

// The parameters of the pages are the template's, and what the pages give them CloudFormation takes.
func TestPagesGiveParametersThatTheTemplateTakes(t *testing.T) {
	t.Parallel()
	parameters := plainTemplate(t).Parameters
	given := regexp.MustCompile(`(?m)^\s+([A-Z][A-Za-z]+)(?::|\s+=) ['"]([^'"$]*)['"],?$`)
	for _, block := range slices.Concat(blocks(t, "terraform.md", "hcl"), blocks(t, "cdk.md", "ts")) {
		for _, match := range given.FindAllStringSubmatch(block, -1) {
			parameter, ok := parameters[match[1]]
			if !ok && strings.Contains(block, "parameters") {
				t.Errorf("the template has no parameter %s", match[1])
			}
			if ok && !parameter.accepts(match[2]) {
				t.Errorf("%s does not take %q", match[1], match[2])
			}
		}
	}
}
