package deploy_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// SAM's builder copies the tree without .git and calls make with ARTIFACTS_DIR: two folders must give the same bytes, or every
// deployment would look like a change.
func TestTwoBuildsAreIdentical(t *testing.T) {
	t.Parallel()
	first, second := buildIn(t, t.TempDir()), buildIn(t, filepath.Join(t.TempDir(), "another folder"))
	if !bytes.Equal(first, second) {
		t.Error("build-RotationFunction wrote different bytes in two folders")
	}
}

// buildIn copies what a build needs and builds it for this machine's kind of processor: the compiler's cache then serves both.
func buildIn(t *testing.T, folder string) []byte {
	t.Helper()
	for _, part := range []string{"rotator", "sql"} {
		if err := os.CopyFS(filepath.Join(folder, part), os.DirFS(filepath.Join("../..", part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum", "Makefile"} {
		content, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	artifacts := t.TempDir()
	command := exec.CommandContext(t.Context(), "make", "build-RotationFunction")
	command.Dir = folder
	command.Env = append(os.Environ(), "ARTIFACTS_DIR="+artifacts, "GOFLAGS=")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("make build-RotationFunction: %v\n%s", err, output)
	}
	binary, err := os.ReadFile(filepath.Join(artifacts, "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
