package cloudformation

// codeParameters say where the functions' zip is; SAM writes the place itself.
var codeParameters = map[string]any{
	"CodeBucket": map[string]any{
		"Type":                  "String",
		"AllowedPattern":        `^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`,
		"ConstraintDescription": "the name of an S3 bucket",
		"Description":           "S3 bucket of this Region that holds the functions' zip.",
	},
	"CodeKey": map[string]any{
		"Type":                  "String",
		"AllowedPattern":        `^[A-Za-z0-9!_.*'()/-]+\.zip$`,
		"ConstraintDescription": "the key of a zip",
		"Description":           "Key of the zip for the processor that Architecture names. Lambda takes new code only where key or version change.",
	},
	"CodeObjectVersion": map[string]any{
		"Type":                  "String",
		"Default":               "",
		"AllowedPattern":        `^[A-Za-z0-9._-]*$`,
		"ConstraintDescription": "the version id of an S3 object",
		"Description":           "Version of the zip, in a bucket that keeps versions. Empty - the newest when the stack is deployed.",
	},
}

// addCodeParameters adds them to a template, with the group and labels under which the console shows them.
func addCodeParameters(template map[string]any) {
	parameters := section(template, "Parameters")
	for name, parameter := range codeParameters {
		parameters[name] = parameter
	}
	section(template, "Conditions")["HasCodeObjectVersion"] = map[string]any{
		"Fn::Not": []any{map[string]any{"Fn::Equals": []any{ref("CodeObjectVersion"), ""}}},
	}
	shown := section(section(template, "Metadata"), "AWS::CloudFormation::Interface")
	groups, _ := shown["ParameterGroups"].([]any)
	shown["ParameterGroups"] = append([]any{map[string]any{
		"Label":      map[string]any{"default": "Code"},
		"Parameters": []any{"CodeBucket", "CodeKey", "CodeObjectVersion"},
	}}, groups...)
	labels := section(shown, "ParameterLabels")
	for name, label := range map[string]string{"CodeBucket": "Bucket", "CodeKey": "Key", "CodeObjectVersion": "Version"} {
		labels[name] = map[string]any{"default": label}
	}
}

// section is the map of that name, made where it is missing.
func section(of map[string]any, name string) map[string]any {
	if values, ok := of[name].(map[string]any); ok {
		return values
	}
	values := map[string]any{}
	of[name] = values
	return values
}
