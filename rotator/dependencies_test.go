package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

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
