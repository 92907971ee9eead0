package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "pgrotator/"

// rooms are the packages of the binary, in the order in which data flows: each imports those of later lines only. The siblings of
// a line do not import each other.
var rooms = [][]string{
	{"rotator"},
	{"rotator/command"},
	{"rotator/rotation", "rotator/sweep", "rotator/setup", "rotator/check", "rotator/revoke", "rotator/fleet"},
	{"rotator/sweep/evidence", "rotator/sweep/policy"},
	{"rotator/account", "rotator/iamread", "rotator/master", "rotator/proof"},
	{"rotator/role", "rotator/cluster", "rotator/loginlog", "rotator/logread", "rotator/access"},
	{"rotator/secret", "rotator/postgres", "rotator/publish", "rotator/subnet"},
	{"rotator/awscall", "rotator/awserror", "rotator/report", "rotator/script", "rotator/terminal", "rotator/verifier"},
	{"sql"},
}

// Imports go one way.
func TestImportsGoOneWay(t *testing.T) {
	t.Parallel()
	imports := importsOfTheBinary(t)
	for name, imported := range imports {
		if level(name) < 0 {
			t.Errorf("%s is in none of the rooms: give it its place", name)
		}
		for _, other := range imported {
			if room, own := strings.CutPrefix(other, module); own && level(room) <= level(name) {
				t.Errorf("%s imports %s, which comes before it or stands beside it", name, room)
			}
		}
	}
	for _, room := range slices.Concat(rooms...) {
		if imports[room] == nil {
			t.Errorf("the binary has no package %s", room)
		}
	}
}

// Whatever speaks to PostgreSQL goes through one package, which quotes, explains and tells attempts apart.
func TestOnlyPostgresImportsPgx(t *testing.T) {
	t.Parallel()
	imports := func(list []string) bool {
		return slices.ContainsFunc(list, func(other string) bool { return strings.HasPrefix(other, "github.com/jackc/") })
	}
	for name, imported := range importsOfTheBinary(t) {
		if imports(imported) != (name == "rotator/postgres") {
			t.Errorf("%s imports %q", name, imported)
		}
	}
}

// level is the line of a room; -1 = it is in none.
func level(room string) int {
	return slices.IndexFunc(rooms, func(line []string) bool { return slices.Contains(line, room) })
}

// importsOfTheBinary lists what each package of this module in the binary imports, without its tests.
func importsOfTheBinary(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-tags", "lambda.norpc", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); strings.HasPrefix(words[0], module) {
			imports[strings.TrimPrefix(words[0], module)] = words[1:]
		}
	}
	if len(imports) < 2 {
		t.Fatalf("not a list of the binary's packages: %q", out)
	}
	return imports
}

// What the deployed binary must not hold: stand-ins, the testing package, and what lambda.norpc is there to leave out.
func TestDependenciesOfTheBinary(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-tags", "lambda.norpc", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	dependencies := strings.Fields(string(out))
	if !slices.Contains(dependencies, "pgrotator/rotator/rotation") {
		t.Fatalf("not a list of the binary's dependencies: %q", dependencies)
	}
	for _, dependency := range dependencies {
		if dependency == "net/rpc" || dependency == "encoding/gob" || dependency == "testing" || strings.HasPrefix(dependency, "pgrotator/rotator/internal/") {
			t.Errorf("the binary holds %s", dependency)
		}
	}
}
