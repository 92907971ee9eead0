package deploy_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const templatePath = "../../template.yaml"

// template is a CloudFormation template in long form: !Ref X reads {"Ref": "X"}.
type template struct {
	Parameters map[string]parameter
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

type parameter struct {
	Type, Description, AllowedPattern, ConstraintDescription string
	Default                                                  any
	AllowedValues                                            []any
	MinValue, MaxValue                                       *float64
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
	text, err := os.ReadFile(templatePath)
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	long, err := longForm(document.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	return decodeTemplate(t, encoded)
}

func decodeTemplate(t *testing.T, encoded []byte) template {
	t.Helper()
	decoded := template{text: encoded}
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// longForm turns a node into maps, lists and scalars, and its short-form tag into the function it stands for.
func longForm(node *yaml.Node) (any, error) {
	value, err := plain(node)
	if err != nil || !strings.HasPrefix(node.Tag, "!") || strings.HasPrefix(node.Tag, "!!") {
		return value, err
	}
	switch name := strings.TrimPrefix(node.Tag, "!"); name {
	case "Ref", "Condition":
		return map[string]any{name: value}, nil
	case "GetAtt":
		resource, attribute, _ := strings.Cut(value.(string), ".")
		return map[string]any{"Fn::GetAtt": []any{resource, attribute}}, nil
	default:
		return map[string]any{"Fn::" + name: value}, nil
	}
}

func plain(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.MappingNode:
		return plainMap(node)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, item := range node.Content {
			value, err := longForm(item)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	default:
		if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
			return node.Value, nil
		}
		var scalar any
		err := node.Decode(&scalar)
		return scalar, err
	}
}

func plainMap(node *yaml.Node) (any, error) {
	values := make(map[string]any, len(node.Content)/2)
	for i := 0; i < len(node.Content); i += 2 {
		value, err := longForm(node.Content[i+1])
		if err != nil {
			return nil, err
		}
		values[node.Content[i].Value] = value
	}
	return values, nil
}
