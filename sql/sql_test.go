package sql_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"pgrotator/sql"
)

// notSent are the scripts that a DBA runs with psql, and what is only a part of other files.
var notSent = []string{"setup", "adopt", "teardown", "setup/names", "setup/leave", "setup/records",
	"adopt/session", "adopt/list", "adopt/lend", "adopt/grants", "adopt/refuse", "adopt/defaults", "adopt/mappings", "adopt/take_back", "adopt/policies",
	"adopt/ownership", "adopt/return", "adopt/powers", "adopt/elsewhere"}

// Each constant has its file, and each file its constant, unless no code sends it.
func TestEachStatementHasItsFile(t *testing.T) {
	t.Parallel()
	statements := constants(t)
	for _, statement := range statements {
		if strings.TrimSpace(sql.Statement(statement).Text()) == "" {
			t.Errorf("%s.sql is empty", statement)
		}
	}
	files := files(t)
	for _, file := range files {
		name := strings.TrimSuffix(file, ".sql")
		if !slices.Contains(statements, name) && !slices.Contains(notSent, name) {
			t.Errorf("%s has no constant", file)
		}
	}
	if len(statements)+len(notSent) != len(files) {
		t.Errorf("%d constants and %d not sent, and %d files", len(statements), len(notSent), len(files))
	}
}

// files lists the .sql files of this folder and of those below it, at whatever depth.
func files(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".sql") {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d files, error %v", len(found), err)
	}
	return found
}

// A statement is sent as it stands: in a database of another encoding PostgreSQL refuses what that cannot hold, in a comment too.
func TestEachFileIsASCII(t *testing.T) {
	t.Parallel()
	for _, file := range files(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.ContainsFunc(line, func(r rune) bool { return r > unicode.MaxASCII }) {
				t.Errorf("%s, line %d: %q", file, i+1, line)
			}
		}
	}
}

// constants reads the values of the package's constants of type Statement.
func constants(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) == 0 {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Statement" {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatal("the package has no statements")
	}
	return values
}

// psql takes \ir by itself; what is sent over the wire must have none left.
func TestIncludesAreResolved(t *testing.T) {
	t.Parallel()
	text := sql.SetupTables.Text()
	if strings.Contains(text, `\ir`) || !strings.Contains(text, sql.SweepTables.Text()) {
		t.Error("setup/tables.sql does not hold sweep/tables.sql in the place of its \\ir")
	}
}

// Every statement says what it is for.
func TestEachStatementIsExplained(t *testing.T) {
	t.Parallel()
	for _, statement := range constants(t) {
		if !strings.HasPrefix(sql.Statement(statement).Text(), "-- ") {
			t.Errorf("%s.sql does not begin with a comment", statement)
		}
	}
}
