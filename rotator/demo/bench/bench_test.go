// Package bench_test measures the real binary on one machine, in one run: a number says little by itself, its ratio to the bare
// function's in the same run says more.
//
//	go test -run '^$' -bench . -benchtime 20x ./rotator/demo/bench
package bench_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/internal/localaws"
)

// start makes a stack that ends with the benchmark.
func start(b *testing.B) *stack.Stack {
	b.Helper()
	s, err := stack.Start(b.Context(), stack.Options{Note: func(string, time.Duration) {}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// setUp makes the pair, as the function way needs it.
func setUp(b *testing.B, s *stack.Stack) {
	b.Helper()
	var report struct{ Changed []string }
	if err := s.Act(b.Context(), map[string]string{"action": "setup", "secretId": s.ARN}, &report); err != nil {
		b.Fatal(err)
	}
}

// articleRoles makes the pair as AWS's article does, as the direct way needs it: with CREATEROLE on the shared role.
func articleRoles(b *testing.B, s *stack.Stack) {
	b.Helper()
	if s.PG.Major() > 15 {
		b.Skip("PostgreSQL 16 took the direct way away")
	}
	err := s.AsSuperuser(b.Context(), "CREATE ROLE app CREATEROLE", "CREATE ROLE app_b IN ROLE app",
		fmt.Sprintf("CREATE ROLE app_a LOGIN PASSWORD '%s' IN ROLE app", s.Passwords()[1]),
		"ALTER ROLE app_a SET role = app", "ALTER ROLE app_b SET role = app")
	if err != nil {
		b.Fatal(err)
	}
}

// addBare adds the least function there can be, built as the rotator's binary is.
func addBare(b *testing.B, s *stack.Stack) *localaws.Function {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "bootstrap")
	command(b, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", binary, "./testdata/bare")
	f, err := s.AWS.AddFunction(localaws.FunctionOptions{Name: "bare", Binary: binary, Env: map[string]string{"DB_CA_FILE": s.PG.CAFile()}})
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// command runs to its end, or the benchmark ends.
func command(b *testing.B, name string, args ...string) {
	b.Helper()
	c := exec.CommandContext(b.Context(), name, args...)
	c.Env = append(c.Environ(), "CGO_ENABLED=0")
	if output, err := c.CombinedOutput(); err != nil {
		b.Fatalf("running %s: %v\n%s", c, err, output)
	}
}
