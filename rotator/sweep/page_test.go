package sweep_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgrotator/rotator/logread"
	"pgrotator/rotator/report"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the page tells people to paste is what the sweep sends.
func TestPageShowsTheQueryThatIsSent(t *testing.T) {
	t.Parallel()
	if !strings.Contains(page(t), "\n```\n"+logread.Query(false)+"\n```\n") {
		t.Errorf("README.md does not show the query of logread/rows.txt, which is without its comments:\n%s", logread.Query(false))
	}
	for _, part := range []string{"fields unmask(@message) as unmasked", "parse unmasked "} {
		if !strings.Contains(logread.Query(true), part) {
			t.Errorf("the page says that a query of masked events has %q", part)
		}
	}
}

func TestPageNamesEveryKeyOfTheReport(t *testing.T) {
	t.Parallel()
	text := page(t)
	for _, key := range keysOf(reflect.TypeFor[report.Report]()) {
		if !strings.Contains(text, `"`+key+`"`) && !strings.Contains(text, "`"+key+"`") {
			t.Errorf("README.md does not name the report's key %q", key)
		}
	}
}

// keysOf are the keys of a type's JSON and of all that is in it.
func keysOf(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer:
		return keysOf(t.Elem())
	case reflect.Struct:
		var keys []string
		for _, f := range reflect.VisibleFields(t) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
				keys = append(append(keys, name), keysOf(f.Type)...)
			}
		}
		return keys
	}
	return nil
}

// saying is what the page quotes of a reason, in the first column of its table.
var saying = regexp.MustCompile("`([^`]+)`")

// sayings are what the page quotes of reasons, each in the parts that no name or time comes between.
func sayings(t *testing.T) [][]string {
	t.Helper()
	_, section, _ := strings.Cut(page(t), "\n## Reasons\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var list [][]string
	for line := range strings.Lines(section) {
		if column, _, row := strings.Cut(strings.TrimPrefix(line, "| "), " | "); row && strings.HasPrefix(line, "| ") {
			for _, m := range saying.FindAllStringSubmatch(column, -1) {
				list = append(list, strings.Split(m[1], "…"))
			}
		}
	}
	return list
}

func says(text string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, strings.TrimSpace(part)) })
}

// Every reason that a run gives has a line in the page, and no line is of a reason that none gives.
func TestPageExplainsEveryReason(t *testing.T) {
	t.Parallel()
	quoted := sayings(t)
	var given []string
	for _, folder := range []string{".", "evidence", "../cluster", "../logread"} {
		given = append(given, texts(t, folder)...)
	}
	for _, parts := range quoted {
		if !slices.ContainsFunc(given, func(text string) bool { return says(text, parts) }) {
			t.Errorf("the page explains %q, which nothing says", parts)
		}
	}
	doubts := slices.Concat(doubtsOf(t, "."), doubtsOf(t, "evidence"))
	if len(doubts) < 20 {
		t.Errorf("only %d reasons found in the code", len(doubts))
	}
	for _, doubt := range doubts {
		if !slices.ContainsFunc(quoted, func(parts []string) bool { return says(doubt, parts) }) {
			t.Errorf("the page does not explain the reason %q", doubt)
		}
	}
}

// doubtsOf are the texts with which a folder's code says that evidence is not complete, but for those that come from elsewhere whole.
func doubtsOf(t *testing.T, folder string) []string {
	t.Helper()
	var list []string
	inspect(t, folder, func(node ast.Node) {
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || method.Sel.Name != "Doubt" && method.Sel.Name != "CannotSee" {
			return
		}
		if text := textOf(call.Args[0]); text != "" && text != "%s" {
			list = append(list, text)
		}
	})
	return list
}

// texts are all strings of a folder's code.
func texts(t *testing.T, folder string) []string {
	t.Helper()
	var list []string
	inspect(t, folder, func(node ast.Node) {
		if e, ok := node.(ast.Expr); ok {
			list = append(list, textOf(e))
		}
	})
	return list
}

func textOf(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return text
}

// inspect visits the code of a folder, but for its tests.
func inspect(t *testing.T, folder string, visit func(ast.Node)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no code in %s: %v", folder, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			visit(node)
			return true
		})
	}
}
