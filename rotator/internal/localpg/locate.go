package localpg

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The majors that this package has been run with.
const oldestMajor, newestMajor = 14, 18

// installation is a folder with the programs of one version of PostgreSQL.
type installation struct {
	bin   string
	major int
}

// Available tells whether Start would find this major (0 = any) without a download.
func Available(major int) bool {
	account, err := databaseAccount()
	if err != nil {
		return false
	}
	_, found := find(major, account)
	return found
}

// locate finds an installation of the major (0 = any), else fetches one.
func locate(ctx context.Context, major int, a *account) (installation, error) {
	if major != 0 && (major < oldestMajor || major > newestMajor) {
		return installation{}, fmt.Errorf("PostgreSQL %d is not one of %d to %d", major, oldestMajor, newestMajor)
	}
	if folder := os.Getenv("PGBIN"); folder != "" {
		if _, ok := inspect(folder); !ok {
			return installation{}, fmt.Errorf("PGBIN names %s, which is no folder with initdb and postgres of version %d to %d",
				folder, oldestMajor, newestMajor)
		}
	}
	if found, ok := find(major, a); ok {
		return found, nil
	}
	return fetch(ctx, cmp.Or(major, newestMajor), a)
}

// find looks at PGBIN, then for the newest in PATH and the usual folders, then for the newest that was fetched.
func find(major int, a *account) (installation, bool) {
	for _, folders := range [][]string{{os.Getenv("PGBIN")}, installedFolders(), fetchedFolders(a)} {
		var found []installation
		for _, folder := range folders {
			if i, ok := inspect(folder); ok && (major == 0 || i.major == major) && a.reaches(i.bin) {
				found = append(found, i)
			}
		}
		if len(found) > 0 {
			return slices.MaxFunc(found, func(x, y installation) int { return cmp.Compare(x.major, y.major) }), true
		}
	}
	return installation{}, false
}

func installedFolders() []string {
	folders := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
		"/usr/pgsql-*/bin",                   // Red Hat, packages of postgresql.org
		"/usr/libexec/postgresql*",           // Alpine
		"/usr/local/pgsql/bin",               // built from source
		"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		matches, _ := filepath.Glob(pattern)
		folders = append(folders, matches...)
	}
	return folders
}

// inspect wants initdb and postgres side by side; in PATH both may be links into the folder that has the rest.
func inspect(folder string) (installation, bool) {
	if !filepath.IsAbs(folder) {
		return installation{}, false
	}
	postgres, err := filepath.EvalSymlinks(filepath.Join(folder, "postgres"))
	if err != nil {
		return installation{}, false
	}
	bin := filepath.Dir(postgres)
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		return installation{}, false
	}
	version, err := exec.Command(postgres, "--version").Output()
	if err != nil {
		return installation{}, false
	}
	major, ok := parseMajor(string(version))
	return installation{bin: bin, major: major}, ok && major >= oldestMajor && major <= newestMajor
}

// parseMajor reads "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"; betas say "18beta1".
func parseMajor(version string) (int, bool) {
	_, number, found := strings.Cut(version, "(PostgreSQL) ")
	if !found {
		return 0, false
	}
	digits := strings.IndexFunc(number, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		return 0, false
	}
	major, err := strconv.Atoi(number[:digits])
	return major, err == nil
}
