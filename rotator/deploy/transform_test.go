package deploy_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"sync"
	"testing"
)

// python runs a script of testdata with input as JSON on its standard input. It skips the test
// where Python or one of the modules that the script needs is not installed.
func python(t *testing.T, script string, modules []string, input any) []byte {
	t.Helper()
	for _, module := range modules {
		if err := exec.CommandContext(t.Context(), "python3", "-c", "import "+module).Run(); err != nil {
			t.Skipf("python3 with the module %s is not installed", module)
		}
	}
	encoded, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "python3", "testdata/"+script)
	command.Stdin = bytes.NewReader(encoded)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	answer, err := command.Output()
	if err != nil {
		t.Fatalf("running %s: %v\n%s", script, err, stderr.Bytes())
	}
	return answer
}

var transformOnce struct {
	sync.Mutex
	answers []json.RawMessage
}

// transformed returns the distinct templates that the SAM transform makes of template.yaml: with every parameter at its default, with
// each alternative alone, and with all of them at once. It reads values and leaves conditions to CloudFormation, so that no
// combination of conditions makes a difference to it.
func transformed(t *testing.T) []template {
	t.Helper()
	transformOnce.Lock()
	defer transformOnce.Unlock()
	if transformOnce.answers == nil {
		request := map[string]any{"template": templatePath, "parameters": functionParameters(readTemplate(t))}
		answer := python(t, "template_transform.py", []string{"samtranslator"}, request)
		if err := json.Unmarshal(answer, &transformOnce.answers); err != nil {
			t.Fatal(err)
		}
	}
	var templates []template
	for _, answer := range transformOnce.answers {
		templates = append(templates, decodeTemplate(t, answer))
	}
	if len(templates) == 0 {
		t.Fatal("the SAM transform made nothing")
	}
	return templates
}

// functionParameters are the values that the transform is tried with.
func functionParameters(template template) []map[string]string {
	together := newStack(template, nil).values
	cases := []map[string]string{maps.Clone(together)}
	for name, values := range alternatives {
		together[name] = values[0]
		for _, value := range values {
			cases = append(cases, newStack(template, map[string]string{name: value}).values)
		}
	}
	for _, architecture := range template.Parameters["Architecture"].AllowedValues {
		values := maps.Clone(together)
		values["Architecture"] = architecture.(string)
		cases = append(cases, values)
	}
	return cases
}

func TestTransformMakesPlainFunctionsAndNothingElse(t *testing.T) {
	t.Parallel()
	source := readTemplate(t)
	for _, template := range transformed(t) {
		if made, written := len(template.Resources), len(source.Resources); made != written {
			t.Errorf("the transform made %d resources of %d: SAM added a role or a schedule of its own", made, written)
		}
		for _, name := range []string{"RotationFunction", "SweepFunction"} {
			if got := template.Resources[name].Type; got != "AWS::Lambda::Function" {
				t.Errorf("%s became %q", name, got)
			}
		}
	}
}

func TestLintFindsNothing(t *testing.T) {
	t.Parallel()
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is not installed")
	}
	if found, err := exec.CommandContext(t.Context(), lint, templatePath).CombinedOutput(); err != nil || len(found) > 0 {
		t.Errorf("cfn-lint: %v\n%s", err, found)
	}
}
