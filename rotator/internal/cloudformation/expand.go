package cloudformation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	serverless = "AWS::Serverless::"
	functions  = serverless + "Function"
)

// sameInLambda are the properties of a serverless function that AWS::Lambda::Function has too, under the same name and in the
// same shape (SAM's specification of AWS::Serverless::Function).
var sameInLambda = []string{
	"Architectures", "Description", "Environment", "FileSystemConfigs", "FunctionName", "Handler", "Layers", "LoggingConfig",
	"MemorySize", "ReservedConcurrentExecutions", "Role", "Runtime", "Timeout", "VpcConfig",
}

// Expand replaces the serverless functions of a template, as Read returns it, by plain ones whose code is the zip that the
// parameters CodeBucket, CodeKey and CodeObjectVersion name. What it does not know how to expand is an error.
func Expand(template map[string]any) error {
	resources, _ := template["Resources"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		resource, _ := resources[name].(map[string]any)
		kind, _ := resource["Type"].(string)
		if !strings.HasPrefix(kind, serverless) {
			continue
		}
		if kind != functions {
			return fmt.Errorf("expanding %s: only %s is known, not %s", name, functions, kind)
		}
		if err := expandFunction(resource); err != nil {
			return fmt.Errorf("expanding %s: %w", name, err)
		}
	}
	if _, ok := template["Globals"]; ok {
		return fmt.Errorf("expanding the template: the section Globals is not known")
	}
	delete(template, "Transform")
	addCodeParameters(template)
	return nil
}

func expandFunction(resource map[string]any) error {
	properties := map[string]any{"Code": map[string]any{
		"S3Bucket":        ref("CodeBucket"),
		"S3Key":           ref("CodeKey"),
		"S3ObjectVersion": choice("HasCodeObjectVersion", ref("CodeObjectVersion"), ref("AWS::NoValue")),
	}}
	given, _ := resource["Properties"].(map[string]any)
	for name, value := range given {
		switch {
		case name == "CodeUri":
		case slices.Contains(sameInLambda, name):
			properties[name] = value
		default:
			return fmt.Errorf("the property %s is not known", name)
		}
	}
	resource["Type"], resource["Properties"] = "AWS::Lambda::Function", properties
	if metadata, ok := resource["Metadata"].(map[string]any); ok {
		delete(metadata, "BuildMethod")
		if len(metadata) == 0 {
			delete(resource, "Metadata")
		}
	}
	return nil
}

func ref(name string) map[string]any { return map[string]any{"Ref": name} }

func choice(condition string, then, otherwise any) map[string]any {
	return map[string]any{"Fn::If": []any{condition, then, otherwise}}
}
