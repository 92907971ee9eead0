// Package cloudformation reads a CloudFormation template and expands what the SAM transform would, so that it can be deployed, or
// taken over by other tools, without SAM.
package cloudformation

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Read takes a template's YAML and returns it in long form, as JSON knows it: !Ref X reads {"Ref": "X"}.
func Read(text []byte) (map[string]any, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("reading the template: expected a map of sections")
	}
	return longMap(document.Content[0])
}

// longForm turns a node into maps, lists and scalars, and its short-form tag into the function it stands for.
func longForm(node *yaml.Node) (any, error) {
	if node.Kind == yaml.AliasNode {
		return longForm(node.Alias)
	}
	value, err := untagged(node)
	if err != nil || !short(node) {
		return value, err
	}
	switch name := strings.TrimPrefix(node.Tag, "!"); name {
	case "Ref", "Condition":
		return map[string]any{name: value}, nil
	case "GetAtt":
		if path, ok := value.(string); ok {
			resource, attribute, _ := strings.Cut(path, ".")
			value = []any{resource, attribute}
		}
		return map[string]any{"Fn::GetAtt": value}, nil
	default:
		return map[string]any{"Fn::" + name: value}, nil
	}
}

// short reports whether a node carries a function in short form.
func short(node *yaml.Node) bool {
	return strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!")
}

func untagged(node *yaml.Node) (any, error) {
	switch {
	case node.Kind == yaml.MappingNode:
		return longMap(node)
	case node.Kind == yaml.SequenceNode:
		return longList(node)
	case short(node):
		return node.Value, nil
	}
	var scalar any
	err := node.Decode(&scalar)
	return scalar, err
}

func longMap(node *yaml.Node) (map[string]any, error) {
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

func longList(node *yaml.Node) ([]any, error) {
	list := make([]any, 0, len(node.Content))
	for _, item := range node.Content {
		value, err := longForm(item)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}
