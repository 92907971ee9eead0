package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// python runs a script of testdata with input as JSON on its standard input. It skips the test
// where Python or one of the modules that the script needs is not installed.
func python(t *testing.T, script string, modules []string, input any) []byte {
	t.Helper()
	// Looking for modules takes no time, and importing them a second each.
	const look = "import sys, importlib.util; sys.exit(None in map(importlib.util.find_spec, sys.argv[1:]))"
	if err := exec.CommandContext(t.Context(), "python3", append([]string{"-c", look}, modules...)...).Run(); err != nil {
		t.Skipf("python3 with the modules %q is not installed", modules)
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
	answer struct {
		Templates []json.RawMessage // each once
		Of        []int             // by the set of parameters
	}
}

// transformed are what the SAM transform makes of template.yaml, with every parameter at its default and with every pair of their
// alternatives: stacks with those values, whose templates are often the same.
func transformed(t *testing.T) []stack {
	t.Helper()
	transformOnce.Lock()
	defer transformOnce.Unlock()
	source := readTemplate(t)
	sets := append([]map[string]string{nil}, everyPair(source)...)
	answer := &transformOnce.answer
	if answer.Of == nil {
		request := map[string]any{"template": templatePath, "parameters": withDefaults(source, sets)}
		if err := json.Unmarshal(python(t, "template_transform.py", []string{"samtranslator"}, request), answer); err != nil {
			t.Fatal(err)
		}
	}
	if len(answer.Of) != len(sets) {
		t.Fatalf("the SAM transform made %d templates with %d sets of parameters", len(answer.Of), len(sets))
	}
	var templates []template
	for _, text := range answer.Templates {
		templates = append(templates, decodeTemplate(t, text))
	}
	var stacks []stack
	for n, set := range sets {
		stacks = append(stacks, newStack(templates[answer.Of[n]], set))
	}
	return stacks
}

func withDefaults(template template, sets []map[string]string) []map[string]string {
	var all []map[string]string
	for _, set := range sets {
		all = append(all, newStack(template, set).values)
	}
	return all
}

// distinct are the templates of stacks, each once.
func distinct(stacks []stack) []template {
	var templates []template
	seen := map[string]bool{}
	for _, s := range stacks {
		if text := string(s.template.text); !seen[text] {
			seen[text] = true
			templates = append(templates, s.template)
		}
	}
	return templates
}

func TestTransformMakesPlainFunctionsAndNothingElse(t *testing.T) {
	t.Parallel()
	source := readTemplate(t)
	for _, template := range distinct(transformed(t)) {
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

// The stack's template, and that of the role in a member account.
func TestLintFindsNothing(t *testing.T) {
	t.Parallel()
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is not installed")
	}
	text, _ := memberTemplate(t)
	member := filepath.Join(t.TempDir(), "member.yaml")
	if err := os.WriteFile(member, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := exec.CommandContext(t.Context(), lint, templatePath, member).CombinedOutput(); err != nil || len(found) > 0 {
		t.Errorf("cfn-lint: %v\n%s", err, found)
	}
}
