// Package awstest makes what tests of the stand-ins share: a stack, a function that does as it is told, a log group.
package awstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/smithy-go"

	"pgrotator/rotator/internal/localaws"
)

// Start makes an empty account, which lasts as long as the test.
func Start(t testing.TB) *localaws.Stack {
	t.Helper()
	stack, err := localaws.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	return stack
}

// WantCode checks that err is an API error of that code.
func WantCode(t testing.TB, err error, code string) {
	t.Helper()
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok || refusal.ErrorCode() != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

// probe is the path of the built probe, once Main has built it.
var probe string

// Main runs the tests of a package that adds probes; it is what the package's TestMain calls.
func Main(m *testing.M) {
	os.Exit(buildProbeAndRun(m))
}

func buildProbeAndRun(m *testing.M) int {
	directory, err := os.MkdirTemp("", "probe-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(directory)
	probe = filepath.Join(directory, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-o", probe, "pgrotator/rotator/internal/localaws/awstest/testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // As all is compiled, but for the race detector.
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the probe: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// AddProbe adds the function "probe", which does what its events tell: see testdata/probe. The package's TestMain is Main.
func AddProbe(t testing.TB, stack *localaws.Stack, o localaws.FunctionOptions) *localaws.Function {
	t.Helper()
	o.Name, o.Binary = "probe", probe
	function, err := stack.AddFunction(o)
	if err != nil {
		t.Fatal(err)
	}
	return function
}

// Do invokes a function with an event made of pairs of key and value.
func Do(t testing.TB, function *localaws.Function, pairs ...string) localaws.Result {
	t.Helper()
	result, err := function.Invoke(t.Context(), Event(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// Event is an event made of pairs of key and value.
func Event(pairs ...string) []byte {
	fields := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	// Strings always encode.
	encoded, _ := json.Marshal(fields)
	return encoded
}
