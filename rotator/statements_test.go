package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pasted finds what reads like a statement or a command to paste, into which something is put: a name after a keyword.
var pasted = regexp.MustCompile(`\b(GRANT|REVOKE|(CREATE|ALTER|DROP) (ROLE|USER|SCHEMA|TABLE|DATABASE)|COMMENT ON|REASSIGN OWNED|SET ROLE|UPDATE|DELETE FROM|INSERT INTO)\b.*(%[sqv]|\s$)|\baws [a-z]+ [a-z-]+ .*(%[sqv]|--)`)

// What people are told to run comes from package script, whose tests run all of it: a statement put together elsewhere would be run by
// nobody before a person does.
func TestStatementsForPeopleComeFromOnePlace(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == "internal" || path == "demo" || path == "script" || path == "deploy"):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && pasted.MatchString(text) {
					t.Errorf("%s: %q: package script has, or should have, what makes this", path, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files, error %v", files, err)
	}
	for _, text := range []string{"GRANT %s TO %s", `run ALTER ROLE `, "aws secretsmanager rotate-secret --secret-id "} {
		if !pasted.MatchString(text) {
			t.Errorf("%q would pass", text)
		}
	}
}
