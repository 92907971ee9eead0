package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// quoted is what stands in backquotes on a line of the map.
var quoted = regexp.MustCompile("`([^`]+)`")

// identifier is the name of a function or a test, which is looked for in the file that the line names before it.
var identifier = regexp.MustCompile(`^[A-Za-z]\w*$`)

// Every path of the map exists, and every name after one is in that file.
func TestMapLeadsSomewhere(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	paths := 0
	for line := range strings.Lines(string(page)) {
		var path string
		for _, match := range quoted.FindAllStringSubmatch(line, -1) {
			switch name := match[1]; {
			case strings.ContainsAny(name, "/.") && !strings.Contains(name, "…"):
				path, paths = name, paths+1
				if info, err := os.Stat(path); err != nil || info.IsDir() != strings.HasSuffix(path, "/") {
					t.Errorf("the map leads to %s: %v", path, err)
				}
			case identifier.MatchString(name) && path != "":
				if text, err := os.ReadFile(path); err != nil || !regexp.MustCompile(`func .*\b`+name+`\(`).Match(text) {
					t.Errorf("the map says that %s has the function %s", path, name)
				}
			}
		}
	}
	if paths < 40 {
		t.Errorf("only %d paths found in the map", paths)
	}
}

// Every room of the binary has its line in the map.
func TestMapHasEveryRoom(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range importsOfTheBinary(t) {
		room, below := strings.CutPrefix(name, "rotator/")
		if !below {
			room = strings.Replace(name, "sql", "../sql", 1)
		}
		if name != "rotator" && !strings.Contains(string(page), "| `"+room+"/` |") {
			t.Errorf("the map has no line for %s", room)
		}
	}
}

// pages are those that lead to each other.
var pages = []string{"../README.md", "README.md", "sweep/README.md"}

var (
	link    = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^):]+))?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$|<a id="([^"]+)">`)
)

// Every link from one page to another, or within one, leads to a file that exists and to a heading of it.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, from := range pages {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			to := from
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(from), m[1])
			}
			target, err := os.ReadFile(to)
			if err != nil {
				t.Errorf("%s leads to %s: %v", from, m[1], err)
			} else if m[2] != "" && !slices.Contains(anchors(string(target)), m[2]) {
				t.Errorf("%s leads to #%s, which %s does not have", from, m[2], to)
			}
		}
	}
}

// anchors are what a page can be entered at, as GitHub makes them of headings.
func anchors(page string) []string {
	var list []string
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		name := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		list = append(list, m[2], regexp.MustCompile(`[^\w-]`).ReplaceAllString(name, ""))
	}
	return list
}
