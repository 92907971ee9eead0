package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgrotator/rotator/internal/localpool"
	"pgrotator/rotator/terminal"
)

// patience bounds every wait: the story takes some twenty seconds where the machine is busy.
const patience = 3 * time.Minute

var build = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "demo-test-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "demo")
	command := exec.Command("go", "build", "-trimpath", "-o", binary, ".")
	command.Env = append(os.Environ(), "CGO_ENABLED=0") // As all is compiled, but for the race detector.
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the demo: %w\n%s", err, output)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// run is one run of the demo, in a process of its own.
type run struct {
	t       *testing.T
	command *exec.Cmd
	scratch string // where it keeps its temporary files
	mu      sync.Mutex
	text    strings.Builder
	ended   chan error
}

func start(t *testing.T, args ...string) *run {
	t.Helper()
	return startWriting(t, nil, args...)
}

// startWriting starts the demo with a standard output of its own; nil is the run's text.
func startWriting(t *testing.T, stdout io.Writer, args ...string) *run {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	scratch, err := os.MkdirTemp("", "demo-test-")
	if err != nil {
		t.Fatal(err)
	}
	// PostgreSQL's account passes through it where the test runs as root.
	if err := os.Chmod(scratch, 0o711); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r := &run{t: t, command: exec.CommandContext(ctx, binary, args...), scratch: scratch, ended: make(chan error, 1)}
	r.command.Env = append(os.Environ(), "TMPDIR="+scratch)
	r.command.Stdout, r.command.Stderr = stdout, r
	if stdout == nil {
		r.command.Stdout = r
	}
	if err := r.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.command.Wait() }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			t.Logf("the demo said:\n%s", r.output())
		}
		_ = os.RemoveAll(scratch)
	})
	return r
}

func (r *run) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(text)
}

func (r *run) output() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// await waits until the demo has said text.
func (r *run) await(text string) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(r.output(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) || len(r.ended) > 0 {
			r.t.Fatalf("the demo has not said %q", text)
		}
	}
}

// exit waits for the end, and wants that exit code and nothing left.
func (r *run) exit(want int) {
	r.t.Helper()
	<-r.ended
	if got := r.command.ProcessState.ExitCode(); got != want {
		r.t.Errorf("the demo exits with %d, want %d", got, want)
	}
	left, err := os.ReadDir(r.scratch)
	if err != nil {
		r.t.Error(err)
	}
	for _, entry := range left {
		r.t.Errorf("the demo has left %s", entry.Name())
	}
}

// children lists the processes that the demo runs, by name or, for "", all.
func (r *run) children(name string) []int {
	r.t.Helper()
	args := []string{"-P", strconv.Itoa(r.command.Process.Pid)}
	if name != "" {
		args = append(args, "-x", name)
	}
	output, err := exec.Command("pgrep", args...).Output()
	if err != nil {
		r.t.Fatalf("listing the demo's children: %v", err)
	}
	var pids []int
	for _, field := range strings.Fields(string(output)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			r.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func TestStoryKeepsItsPromises(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.exit(0)
	text := r.output()
	pooled := "Nor does one behind the pooler"
	if localpool.Installed() != nil {
		pooled = "PgBouncer is not installed on this machine"
	}
	for _, want := range []string{pooled, "Rotation 6", "24 of 24", "13, 13, 13, 13, 13, 13", "2, 2, 2, 2, 2, 2", "0 failed", "All kept"} {
		if !strings.Contains(text, want) {
			t.Errorf("the story does not tell %q", want)
		}
	}
	if strings.ContainsRune(text, '\x1b') {
		t.Error("the story is coloured, though nobody sees it on a terminal")
	}
	fits(t, text)
}

// fits holds every line to the width of a terminal.
func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if columns := terminal.Columns(strings.TrimSuffix(line, "\n")); columns > terminal.Width {
			t.Errorf("a line takes %d columns: %s", columns, line)
		}
	}
}

func TestFailedConnectionFailsTheStory(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.await("Rotation 2")
	for _, pid := range r.children("postgres") {
		if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
	}
	r.exit(1)
	if text := r.output(); !strings.Contains(text, "broken  The client's connections never fail") {
		t.Error("the summary does not tell that the client's connection failed")
	}
}

func TestInterruptLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, moment := range map[string]string{"in setup": "3. Check", "in a rotation": "setSecret"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			r.await(moment)
			children := r.children("")
			if err := r.command.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			r.exit(130)
			for _, pid := range children {
				if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
					t.Errorf("process %d is still there: %v", pid, err)
				}
			}
		})
	}
}

// A pager that is left in the middle is like Ctrl-C.
func TestClosedPagerLeavesNothing(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r := startWriting(t, writer)
	line := make([]byte, 1)
	if _, err := reader.Read(line); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writer.Close(), reader.Close()); err != nil {
		t.Fatal(err)
	}
	r.exit(130)
}

// All that local prints is pasted at once, comments too.
func TestLocalCommandsWork(t *testing.T) {
	t.Parallel()
	for _, needed := range []string{"aws", "psql"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("%s is not installed", needed)
		}
	}
	r := start(t, "local")
	r.await("Until Ctrl-C")
	_, rest, _ := strings.Cut(r.output(), "# where AWS is")
	commands, _, _ := strings.Cut(rest, "Until Ctrl-C")
	fits(t, regexp.MustCompile(`'/.*'`).ReplaceAllString(commands, "'the binary, wherever this is built'"))
	output, err := exec.Command("sh", "-euc", "#"+commands).CombinedOutput()
	if err != nil {
		t.Errorf("the commands: %v", err)
	}
	for _, want := range []string{"FAILS  current login", "+ created role app_b", "checks pass", `"VersionIdsToStages"`, "rotated  AWSCURRENT", `"AWSCURRENT"`, " | app\n(1 row)", "\n  evidence  "} {
		if !strings.Contains(string(output), want) {
			t.Errorf("the commands do not print %s", want)
		}
	}
	if t.Failed() {
		t.Logf("the commands print:\n%s", output)
	}
	if err := r.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.exit(0)
	if !strings.Contains(r.output(), "createSecret") {
		t.Error("local has not told of the rotation")
	}
}
