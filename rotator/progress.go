package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"pgrotator/rotator/terminal"
)

// How often a person is told that work goes on: at a terminal in the same line, elsewhere in a line of its own.
const (
	everySecond = time.Second
	everyMinute = time.Minute
)

// progress tells on standard error what is worked at and for how long. What else goes there is written through it.
type progress struct {
	out      *os.File
	terminal bool

	mu    sync.Mutex
	shown bool // the line that is written again and again stands there
	stop  chan struct{}
}

func newProgress(out *os.File) *progress {
	return &progress{out: out, terminal: terminal.Is(out)}
}

// begin tells of some work until end.
func (p *progress) begin(what string) {
	begun, every, stop := time.Now(), everyMinute, make(chan struct{})
	if p.terminal {
		every = everySecond
	}
	p.stop = stop
	go func() {
		for tick := time.NewTicker(every); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				p.show(stop, fmt.Sprintf("%s: %s", what, time.Since(begun).Round(time.Second)))
			}
		}
	}()
}

// show writes what goes on, unless that has ended.
func (p *progress) show(stop chan struct{}, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-stop:
		return
	default:
	}
	text = terminal.Wrap(text, terminal.Width-1)[0]
	if p.terminal {
		fmt.Fprint(p.out, erase, text)
		p.shown = true
	} else {
		fmt.Fprintln(p.out, text)
	}
}

// erase goes to the beginning of the line and clears it.
const erase = "\r\x1b[K"

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.stop)
	p.clear()
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, erase)
		p.shown = false
	}
}

// Write writes in the place of the line that tells how long it takes.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return p.out.Write(text)
}
