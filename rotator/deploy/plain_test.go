package deploy_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgrotator/rotator/internal/cloudformation"
)

// plainTemplate is template.yaml as make package writes it for a deployment without SAM.
func plainTemplate(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile(templatePath)
	if err != nil {
		t.Fatal(err)
	}
	long, err := cloudformation.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := cloudformation.Expand(long); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	return decodeTemplate(t, encoded)
}

// AWS's own transform is the measure, with every pair of the parameters' alternatives: of all that it makes, only the place of the code and
// its tag are other.
func TestPlainTemplateIsWhatTheTransformMakes(t *testing.T) {
	t.Parallel()
	plain := plainTemplate(t)
	for _, theirs := range transformed(t) {
		ours := newStack(plain, theirs.values)
		for name, made := range theirs.template.Resources {
			written := plain.Resources[name]
			if made.Type != written.Type || made.Condition != written.Condition || !reflect.DeepEqual(made.DependsOn, written.DependsOn) {
				t.Errorf("%s is %s under %q after %v, and the transform makes %s under %q after %v", name,
					written.Type, written.Condition, written.DependsOn, made.Type, made.Condition, made.DependsOn)
			}
			if ours.exists(written.Condition) && !reflect.DeepEqual(ours.properties(written), theirs.properties(made)) {
				t.Errorf("with %v, %s is\n%v\nand the transform makes\n%v", theirs.values, name, ours.properties(written), theirs.properties(made))
			}
		}
		if len(plain.Resources) != len(theirs.template.Resources) || !reflect.DeepEqual(plain.Outputs, theirs.template.Outputs) {
			t.Errorf("%d resources, and the transform makes %d", len(plain.Resources), len(theirs.template.Resources))
		}
	}
	if strings.Contains(string(plain.text), "Serverless") {
		t.Error("it still needs SAM")
	}
}

// properties are those of a resource, without what tells where a function's code is.
func (s stack) properties(r resource) map[string]any {
	properties := s.resolve(r.Properties).(map[string]any)
	if r.Type == "AWS::Lambda::Function" {
		delete(properties, "Code")
		delete(properties, "Tags")
	}
	return properties
}

func TestPlainTemplateTakesItsCodeFromABucket(t *testing.T) {
	t.Parallel()
	plain := plainTemplate(t)
	for version, expected := range map[string]any{"": nil, "3HL4kqtJlcpXroDTDmJ": "3HL4kqtJlcpXroDTDmJ"} {
		s := newStack(plain, map[string]string{"CodeBucket": "artifacts", "CodeKey": "pgrotator.zip", "CodeObjectVersion": version})
		for _, name := range functions {
			code := s.resolve(plain.Resources[name].Properties["Code"]).(map[string]any)
			if code["S3Bucket"] != "artifacts" || code["S3Key"] != "pgrotator.zip" || code["S3ObjectVersion"] != expected {
				t.Errorf("%s takes its code from %v", name, code)
			}
		}
	}
	for _, key := range []string{"", "pgrotator.tar", "build/bootstrap"} {
		if plain.Parameters["CodeKey"].accepts(key) {
			t.Errorf("CodeKey takes %q", key)
		}
	}
}
