package main_test

import (
	"os"
	"os/exec"
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

var (
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
	link    = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^):]+))?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$|<a id="([^"]+)">`)
)

// Every link from one page to another, or within one, leads to a file that exists and to a heading of it; and every page can be
// reached from the one at the top.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	text := pages(t)
	reached := map[string]bool{"../README.md": true}
	for queue := []string{"../README.md"}; len(queue) > 0; queue = queue[1:] {
		from := queue[0]
		for _, m := range link.FindAllStringSubmatch(text[from], -1) {
			to := from
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(from), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s leads to %s: %v", from, m[1], err)
			} else if m[2] != "" && !slices.Contains(anchors(text[to]), m[2]) {
				t.Errorf("%s leads to #%s, which %s does not have", from, m[2], to)
			}
			if _, page := text[to]; page && !reached[to] {
				reached[to], queue = true, append(queue, to)
			}
		}
	}
	for page := range text {
		if !reached[page] {
			t.Errorf("no link leads from the page at the top to %s", page)
		}
	}
}

// The page at the top is read to the end only where it is short.
func TestPageAtTheTopIsShort(t *testing.T) {
	t.Parallel()
	if lines := strings.Count(pages(t)["../README.md"], "\n"); lines > 150 {
		t.Errorf("README.md has %d lines", lines)
	}
}

var (
	shell       = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	placeholder = regexp.MustCompile(`<[A-Za-z][A-Za-z _-]*>`)
)

// What a page gives for a shell can be pasted into one: a placeholder in angle brackets would read a file.
func TestCommandsOfThePagesCanBePasted(t *testing.T) {
	t.Parallel()
	blocks := 0
	for page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range shell.FindAllStringSubmatch(string(text), -1) {
			blocks++
			if found := placeholder.FindString(block[1]); found != "" {
				t.Errorf("%s has %s in a command", page, found)
			}
			command := exec.CommandContext(t.Context(), "sh", "-n")
			command.Stdin = strings.NewReader(block[1])
			if said, err := command.CombinedOutput(); err != nil {
				t.Errorf("%s: %v, %s in\n%s", page, err, said, block[1])
			}
		}
	}
	if blocks < 15 {
		t.Errorf("only %d blocks found", blocks)
	}
}

// pages are the project's pages by their paths, without what they show as code.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		hidden := strings.HasPrefix(entry.Name(), ".") && path != ".."
		if entry.IsDir() && (hidden || path == "../build") {
			return filepath.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		found[path] = fence.ReplaceAllString(string(text), "")
		return err
	})
	if err != nil || len(found) < 8 {
		t.Fatalf("%d pages found: %v", len(found), err)
	}
	return found
}

// anchors are what a page can be entered at, as GitHub makes them of headings.
func anchors(page string) []string {
	var list []string
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		name := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		list = append(list, m[2], regexp.MustCompile(`[^\pL\pN_-]`).ReplaceAllString(name, ""))
	}
	return list
}
