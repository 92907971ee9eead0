package localaws

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// buildOnce builds the bootstrap, once per process.
var buildOnce = sync.OnceValues(buildBootstrap)

// Build builds the rotator's bootstrap for this machine with the flags of the
// deployed one, and returns its path. It builds once per process, from the
// module that the working directory belongs to, into its folder build/test, which
// make clean removes.
func Build(ctx context.Context) (path string, err error) {
	type outcome struct {
		path string
		err  error
	}
	built := make(chan outcome, 1)
	go func() {
		path, err := buildOnce()
		built <- outcome{path, err}
	}()
	select {
	case b := <-built:
		return b.path, b.err
	case <-ctx.Done():
		return "", fmt.Errorf("building the bootstrap: %w", ctx.Err())
	}
}

func buildBootstrap() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	directory := filepath.Join(root, "build", "test")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", fmt.Errorf("making the folder for the bootstrap: %w", err)
	}
	name := "bootstrap-" + runtime.GOARCH
	if err := noteSources(root); err != nil {
		return "", err
	}
	return filepath.Join(directory, name), compile(root, filepath.Join(directory, name))
}

// noteSources looks at every file that the build may read: "go test" counts what a test looks at among what its result depends
// on, and would else show a cached result after a change, since the build is another process.
func noteSources(root string) error {
	for _, folder := range []string{"rotator", "sql"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ os.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("looking at the sources of the bootstrap: %w", err)
		}
	}
	return nil
}

// compile replaces path at one stroke: other test processes may be running the
// file that is there.
func compile(root, path string) error {
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	command := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid= -X main.version=development", "-o", fresh, "./rotator")
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building the bootstrap: %w\n%s", err, bytes.TrimSpace(output))
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("placing the bootstrap: %w", err)
	}
	return nil
}

func moduleRoot() (string, error) {
	output, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	file := strings.TrimSpace(string(output))
	if file == "" || file == os.DevNull {
		return "", fmt.Errorf("finding the module: the working directory is in none")
	}
	return filepath.Dir(file), nil
}
