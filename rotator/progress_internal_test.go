package main

import (
	"os"
	"path/filepath"
	"testing"
)

// told is what stands in the file that progress was written to.
func told(t *testing.T, p *progress) string {
	t.Helper()
	text, err := os.ReadFile(p.out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func progressTo(t *testing.T, terminal bool) *progress {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	p := newProgress(out)
	p.terminal = terminal
	p.stop = make(chan struct{}) // as begin, without its clock
	return p
}

// At a terminal what goes on stands in one line, which makes way for a warning and for the answer.
func TestProgressAtATerminal(t *testing.T) {
	t.Parallel()
	p := progressTo(t, true)
	p.show(p.stop, "check \x1b[2J: 1s")
	p.show(p.stop, "check app: 2s")
	if _, err := p.Write([]byte("a warning\n")); err != nil {
		t.Fatal(err)
	}
	p.show(p.stop, "check app: 3s")
	stop := p.stop
	p.end()
	p.show(stop, "check app: 4s")
	if got, want := told(t, p), erase+`check \x1b[2J: 1s`+erase+"check app: 2s"+erase+"a warning\n"+erase+"check app: 3s"+erase; got != want {
		t.Errorf("it tells %q, want %q", got, want)
	}
}

// In a file each is a line, with nothing for a terminal in it.
func TestProgressInAFile(t *testing.T) {
	t.Parallel()
	p := progressTo(t, false)
	p.show(p.stop, "check app: 1m0s")
	p.end()
	if got := told(t, p); got != "check app: 1m0s\n" {
		t.Errorf("it tells %q", got)
	}
}
