package localpg_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, localpg.Options{})
	pgtest.Superuser(t, s)
	if seen := processesOf(t, s); runtime.GOOS == "linux" && len(seen) < 3 {
		t.Fatalf("only processes %v are seen of a running server", seen)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantNothingLeft(t, filepath.Dir(s.LogFile()))
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if s.StartAgain(t.Context()) == nil {
		t.Error("a closed server was started again")
	}
}

func TestFailedStartLeavesNothing(t *testing.T) {
	base := reachableFolder(t)
	t.Setenv("TMPDIR", base)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		o    localpg.Options
		want string
	}{
		{"unknown setting", t.Context(), localpg.Options{Settings: map[string]string{"no_such_setting": "1"}}, "no_such_setting"},
		{"malformed HBA line", t.Context(), localpg.Options{HBA: []string{"host all all nonsense"}}, "pg_hba.conf"},
		{"context ended", cancelled, localpg.Options{}, "canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := localpg.Start(c.ctx, c.o)
			if err == nil {
				s.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error does not name %q: %v", c.want, err)
			}
			if left, _ := filepath.Glob(filepath.Join(base, "*")); len(left) > 0 {
				t.Errorf("%v are left", left)
			}
		})
	}
}

func TestKilledOwnerLeavesNothing(t *testing.T) {
	t.Parallel()
	o := startOwner(t, exec.Command(thisBinary(t)), 0)
	pgtest.Connect(t, o.URL)
	if err := o.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitNothingLeft(t, o.folder())
}

// What Ctrl-C on a terminal does: the owner decides what becomes of the server.
func TestServerDoesNotGetTheInterruptOfItsOwner(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(thisBinary(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	o := startOwner(t, cmd, 0)
	conn := pgtest.Connect(t, o.URL)
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	// A fast shutdown, which is the server's answer to SIGINT, would end this session while it waits.
	if _, err := conn.Exec(t.Context(), "SELECT pg_sleep(0.5)"); err != nil {
		t.Error(err)
	}
	o.stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the owner ended with %v", err)
	}
	wantNothingLeft(t, o.folder())
}

func TestNextStartRemovesWhatAKilledWatchdogLeft(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("finds processes in /proc")
	}
	t.Setenv("TMPDIR", reachableFolder(t))
	o := startOwner(t, exec.Command(thisBinary(t)), 0)
	watchdog := processesNaming(t, "localpg-watchdog\x00"+o.folder())
	if len(watchdog) != 1 {
		t.Fatalf("watchdogs %v, want one", watchdog)
	}
	if err := syscall.Kill(watchdog[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := o.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	o.cmd.Wait()
	servers := processesUnder(t, o.folder())
	pgtest.Start(t, localpg.Options{})
	if _, err := os.Stat(o.folder()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v)", o.folder(), err)
	}
	for _, pid := range servers { // they would end by themselves, in up to a minute
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

func wantNothingLeft(t *testing.T, folder string) {
	t.Helper()
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v)", folder, err)
	}
	if left := append(processesUnder(t, folder), processesNaming(t, folder)...); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

func awaitNothingLeft(t *testing.T, folder string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second) // less than a server needs to notice by itself
	for time.Now().Before(deadline) {
		_, err := os.Stat(folder)
		if errors.Is(err, fs.ErrNotExist) && len(processesUnder(t, folder))+len(processesNaming(t, folder)) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	wantNothingLeft(t, folder)
}

// processesOf is empty where there is no /proc.
func processesOf(t *testing.T, s *localpg.Server) []int {
	t.Helper()
	return processesUnder(t, filepath.Dir(s.LogFile()))
}

// processesUnder lists the processes, none of them a zombie, whose working directory is in the folder: that of all
// processes of a server is its data folder.
func processesUnder(t *testing.T, folder string) []int {
	t.Helper()
	return matchProcesses(t, func(proc string) bool {
		directory, err := os.Readlink(filepath.Join(proc, "cwd"))
		return err == nil && strings.HasPrefix(directory, folder)
	})
}

// processesNaming lists the processes with the text in their command line, whose words end in NUL.
func processesNaming(t *testing.T, text string) []int {
	t.Helper()
	return matchProcesses(t, func(proc string) bool {
		line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		return err == nil && strings.Contains(string(line), text)
	})
}

// matchProcesses finds nothing where there is no /proc.
func matchProcesses(t *testing.T, match func(proc string) bool) []int {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, proc := range procs {
		if pid, err := strconv.Atoi(filepath.Base(proc)); err == nil && match(proc) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// reachableFolder is a temporary folder that other accounts may enter, unlike t.TempDir's.
func reachableFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localpg-test-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
