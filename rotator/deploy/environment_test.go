package deploy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// notInTheStack are variables that the code reads and a deployed function does not need.
var notInTheStack = map[string]string{
	"SECRETS_MANAGER_ENDPOINT": "tests, and whoever is used to it from AWS's functions",
}

// readBelow are variables that not config.go reads but what it stands on.
var readBelow = map[string]string{
	"HTTPS_PROXY": "net/http", "NO_PROXY": "net/http", "GODEBUG": "Go's runtime",
	"AWS_USE_DUALSTACK_ENDPOINT": "the SDK", "AWS_USE_FIPS_ENDPOINT": "the SDK",
	"AWS_ENDPOINT_URL_SECRETS_MANAGER": "the SDK", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "the SDK", "AWS_ENDPOINT_URL_RDS": "the SDK",
	"AWS_ENDPOINT_URL_SNS": "the SDK", "AWS_ENDPOINT_URL_STS": "the SDK", "AWS_ENDPOINT_URL_S3": "the SDK", "AWS_ENDPOINT_URL_SECURITYHUB": "publish",
}

func TestEnvironmentNamesAreTheOnesTheCodeReads(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	given := map[string]bool{}
	for _, function := range []string{"RotationFunction", "SweepFunction"} {
		for name := range environmentOf(template, function) {
			if readBelow[name] == "" {
				given[name] = true
			}
		}
	}
	for name := range notInTheStack {
		if given[name] {
			t.Errorf("template.yaml sets %s, which only %s", name, notInTheStack[name])
		}
		given[name] = true
	}
	if read := environmentConstants(t); !slices.Equal(read, slices.Sorted(maps.Keys(given))) {
		t.Errorf("the code reads\n%v\nthe template sets\n%v", read, slices.Sorted(maps.Keys(given)))
	}
}

var tableRow = regexp.MustCompile("(?m)^\\|[^|]*`[A-Z][A-Z_]+`[^|]*\\|")
var variable = regexp.MustCompile("`([A-Z]+_[A-Z_]+)`")

func TestPageNamesEveryVariable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, cell := range tableRow.FindAllString(string(text), -1) {
		for _, match := range variable.FindAllStringSubmatch(cell, -1) {
			documented[match[1]] = true
		}
	}
	for _, name := range environmentConstants(t) {
		if !documented[name] {
			t.Errorf("no table of README.md has %s in its first column", name)
		}
	}
}

// An empty password setting or policy must mean what the parameter's description says it means.
func TestUnsetOptionsAreLeftOut(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for parameter, name := range map[string]string{
		"PasswordValidDays": "PASSWORD_VALID_DAYS",
		"DatabaseCaFile":    "DB_CA_FILE",
		"AssumeRoleArn":     "ASSUME_ROLE_ARN",
	} {
		unset := newStack(template, nil).resolve(environmentOf(template, "RotationFunction")).(map[string]any)
		if value, ok := unset[name]; ok {
			t.Errorf("%s is %q with %s empty", name, value, parameter)
		}
		expected := alternatives[parameter][0]
		set := newStack(template, map[string]string{parameter: expected}).resolve(environmentOf(template, "RotationFunction")).(map[string]any)
		if set[name] != expected {
			t.Errorf("%s is %v with %s %s", name, set[name], parameter, expected)
		}
	}
}

func environmentOf(template template, function string) map[string]any {
	environment := template.Resources[function].Properties["Environment"].(map[string]any)
	return environment["Variables"].(map[string]any)
}

// environmentConstants lists, in order, the values of the constants env… in the function's config.go.
func environmentConstants(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../config.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "env") {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			name, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		return true
	})
	if len(names) == 0 {
		t.Fatal("config.go has no constants that name variables")
	}
	slices.Sort(names)
	return names
}
