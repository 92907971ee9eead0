package rotation_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// notOurs are what the page quotes of others.
var notOurs = []string{"A previous rotation isn't complete", "Pending secret version", "was not created by Lambda", "AccessDenied"}

var quotation = regexp.MustCompile("`([^`]+)`")

// What the page quotes of errors, in the first column of its table, is what the code says.
func TestPageQuotesErrorsAsTheyAre(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## What each error means\n")
	section, _, _ = strings.Cut(section, "\n## ")
	said, quoted := sentences(t), 0
	for line := range strings.Lines(section) {
		column, _, row := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !row || !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, m := range quotation.FindAllStringSubmatch(column, -1) {
			quoted++
			for _, part := range strings.Split(m[1], "…") {
				part = strings.Trim(part, ` "`)
				if slices.ContainsFunc(notOurs, func(s string) bool { return strings.Contains(part, s) }) {
					continue
				}
				if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, part) }) {
					t.Errorf("the page quotes %q, and no code says %q", m[1], part)
				}
			}
		}
	}
	if quoted < 25 {
		t.Errorf("only %d errors found on the page", quoted)
	}
}

// sentences are the strings of the code that is no test's.
func sentences(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../internal") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					list = append(list, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
