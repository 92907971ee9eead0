package deploy_test

import (
	"encoding/json"
	"os"
	"sync"
	"testing"

	"pgrotator/rotator/internal/cloudformation"
)

const templatePath = "../../template.yaml"

// template is a CloudFormation template in long form: !Ref X reads {"Ref": "X"}.
type template struct {
	Parameters map[string]parameter
	Rules      map[string]rule
	Conditions map[string]any
	Resources  map[string]resource
	Outputs    map[string]output
	Metadata   struct {
		Interface struct {
			ParameterGroups []struct{ Parameters []string }
			ParameterLabels map[string]any
		} `json:"AWS::CloudFormation::Interface"`
	}

	text json.RawMessage
}

// rule is what CloudFormation asks of the parameters before it begins.
type rule struct {
	RuleCondition any
	Assertions    []struct {
		Assert            any
		AssertDescription string
	}
}

type parameter struct {
	Type, Description, AllowedPattern, ConstraintDescription string
	Default                                                  any
	AllowedValues                                            []any
	MinValue, MaxValue, MaxLength                            *float64
}

type resource struct {
	Type, Condition string
	DependsOn       any
	Metadata        map[string]any
	Properties      map[string]any
}

type output struct {
	Condition, Description string
	Value                  any
}

// readTemplate reads template.yaml as it stands, before the SAM transform.
func readTemplate(t *testing.T) template {
	t.Helper()
	encoded, err := readTemplateOnce()
	if err != nil {
		t.Fatal(err)
	}
	return decodeTemplate(t, encoded)
}

var readTemplateOnce = sync.OnceValues(func() (json.RawMessage, error) {
	text, err := os.ReadFile(templatePath)
	if err != nil {
		return nil, err
	}
	long, err := cloudformation.Read(text)
	if err != nil {
		return nil, err
	}
	return json.Marshal(long)
})

func decodeTemplate(t *testing.T, encoded []byte) template {
	t.Helper()
	decoded := template{text: encoded}
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}
