package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	folderPrefix = "pgrotator-pg-"
	lockName     = "owner.lock"
)

// folder is the private folder of one cluster. Its lock is held by this process and by the watchdog, so a folder
// whose lock is free has nobody left to remove it.
type folder struct {
	path string
	lock *os.File
}

// newFolder also removes what dead processes left, which happens when a watchdog was killed as well.
func newFolder(a *account) (*folder, error) {
	base := scratch(a)
	removeAbandoned(base)
	// The name becomes one that removeAbandoned looks at only once the lock is held.
	path, err := os.MkdirTemp(base, "new-"+folderPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("making a folder for PostgreSQL: %w", err)
	}
	f := &folder{path: path}
	if err := f.open(); err != nil {
		os.RemoveAll(path)
		return nil, fmt.Errorf("making a folder for PostgreSQL: %w", err)
	}
	return f, nil
}

func (f *folder) open() error {
	// The account passes through; what it may read there has modes of its own.
	if err := os.Chmod(f.path, 0o711); err != nil {
		return err
	}
	lock, err := lockFolder(f.path, os.O_CREATE)
	if err != nil {
		return err
	}
	f.lock = lock
	settled := filepath.Join(filepath.Dir(f.path), strings.TrimPrefix(filepath.Base(f.path), "new-"))
	if err := os.Rename(f.path, settled); err != nil {
		lock.Close()
		return err
	}
	f.path = settled
	return nil
}

func (f *folder) join(name string) string { return filepath.Join(f.path, name) }

func (f *folder) remove() error {
	defer f.lock.Close()
	if err := os.RemoveAll(f.path); err != nil {
		return fmt.Errorf("removing the folder of PostgreSQL: %w", err)
	}
	return nil
}

// scratch is the folder for temporary files, or /tmp where the account could not reach that.
func scratch(a *account) string {
	if base := os.TempDir(); a.reaches(base) {
		return base
	}
	return "/tmp"
}

func lockFolder(path string, flag int) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// removeAbandoned leaves alone whatever it cannot lock or remove. A postgres that still runs in such a folder ends
// by itself within a minute of losing its postmaster.pid (PostgreSQL since 9.5 looks for that).
func removeAbandoned(base string) {
	paths, _ := filepath.Glob(filepath.Join(base, folderPrefix+"*"))
	for _, path := range paths {
		if !ownFolder(path) {
			continue
		}
		lock, err := lockFolder(path, 0)
		if err != nil {
			continue
		}
		os.RemoveAll(path)
		lock.Close()
	}
}

// ownFolder is false for links and for other people's folders: in a shared /tmp anybody can choose the name.
func ownFolder(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid()
}
