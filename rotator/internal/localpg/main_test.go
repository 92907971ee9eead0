package localpg_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"pgrotator/rotator/internal/localpg"
)

// With this variable the test binary is another process that owns a server of the major it names.
const ownerVariable = "LOCALPG_TEST_OWNER"

func TestMain(m *testing.M) {
	if major := os.Getenv(ownerVariable); major != "" {
		if err := own(major); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// owned is what the other process tells about its server.
type owned struct {
	Major int
	URL   string
	Log   string
}

// own starts a server, tells about it, and closes it when standard input ends.
func own(major string) error {
	number, err := strconv.Atoi(major)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGINT)
	s, err := localpg.Start(context.Background(), localpg.Options{Major: number})
	if err != nil {
		return err
	}
	name, password := s.Superuser()
	about := owned{Major: s.Major(), URL: s.URL(name, password, "postgres"), Log: s.LogFile()}
	if err := json.NewEncoder(os.Stdout).Encode(about); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Close()
}

// owner is the other process.
type owner struct {
	cmd   *exec.Cmd
	stdin io.Closer
	owned
}

func startOwner(t *testing.T, cmd *exec.Cmd, major int) *owner {
	t.Helper()
	cmd.Env = append(cmd.Environ(), ownerVariable+"="+strconv.Itoa(major))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
	})
	o := &owner{cmd: cmd, stdin: stdin}
	if err := json.NewDecoder(stdout).Decode(&o.owned); err != nil {
		t.Fatalf("reading what the server's owner says: %v", err)
	}
	return o
}

func (o *owner) folder() string { return filepath.Dir(o.Log) }

func thisBinary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
