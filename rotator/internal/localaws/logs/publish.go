package logs

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// publishInterval is how often a Publisher looks at its file.
const publishInterval = 20 * time.Millisecond

// PublishOptions change how a server log reaches CloudWatch.
type PublishOptions struct {
	// SplitLines publishes every line as an event of its own, at the time of
	// the entry it belongs to. Otherwise an entry of several lines is one event.
	SplitLines bool
	Delay      time.Duration    // events arrive that long after they were written
	Duplicate  bool             // every event arrives twice
	Drop       func(Event) bool // nil, or tells which events never arrive
	// MaxEventBytes cuts events that are longer into several of the same time, between characters. 0 = never.
	MaxEventBytes int
	// Route tells which stream of the group each event, after any cut, goes to, and how long after it was written it arrives
	// there; nil = the Publisher's stream, after Delay.
	Route func(Event) (stream string, delay time.Duration)
}

// Publisher copies a PostgreSQL server log to a log stream, as RDS does.
type Publisher struct {
	store         *Store
	group, stream string
	options       PublishOptions

	mu       sync.Mutex
	file     *os.File
	splitter entrySplitter
	waiting  []arrival
	paused   bool
	stopped  bool
	err      error // that ended the publishing
}

// arrival is an event on its way to a stream.
type arrival struct {
	due    time.Time
	stream string
	event  Event
}

// PublishLog publishes what the file holds and what is appended to it, until
// ctx ends or the Store's context ends. The group and the stream are made where they
// are missing. Event times are those of the entries; the server must log in UTC
// with a log_line_prefix that begins with %t or %m.
func (l *Store) PublishLog(ctx context.Context, path, group, stream string, o PublishOptions) (*Publisher, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("publishing a server log: %w", err)
	}
	l.AppendLog(group, stream)
	p := &Publisher{store: l, group: group, stream: stream, options: o, file: file,
		splitter: entrySplitter{eachLine: o.SplitLines}}
	go p.run(ctx)
	return p, nil
}

func (p *Publisher) run(ctx context.Context) {
	defer p.close()
	ticks := time.NewTicker(publishInterval)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			// An error stays for Flush to tell.
			_, _ = p.advance(false)
		case <-ctx.Done():
			return
		case <-p.store.ctx.Done():
			return
		}
	}
}

func (p *Publisher) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file.Close()
	if p.err == nil {
		p.err = fmt.Errorf("publishing %s: the publisher has ended", p.file.Name())
	}
}

// Pause holds events back from now on, as a late delivery does. What is written
// meanwhile arrives after Resume, at its own event times.
func (p *Publisher) Pause() { p.setPaused(true) }

// Resume ends Pause.
func (p *Publisher) Resume() { p.setPaused(false) }

func (p *Publisher) setPaused(paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = paused
}

// Stop ends the export: what is written from now on never arrives, until Start. What was written before, does; Flush first
// where the file may hold what has not been looked at.
func (p *Publisher) Stop() { p.setStopped(true) }

// Start ends Stop. What was written since then is lost; where the file may hold what has not been looked at, Flush first.
func (p *Publisher) Start() { p.setStopped(false) }

func (p *Publisher) setStopped(stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = stopped
}

// Flush waits until all that the file held when it was called has arrived,
// delayed events too. While the Publisher is paused it only reads.
func (p *Publisher) Flush(ctx context.Context) error {
	for {
		settled, err := p.advance(true)
		if err != nil || settled {
			return err
		}
		select {
		case <-time.After(publishInterval):
		case <-ctx.Done():
			return fmt.Errorf("flushing %s: %w", p.file.Name(), ctx.Err())
		}
	}
}

// advance reads what is new and publishes what is due. settled tells that
// nothing waits, or that it has to. The last entry in the file is complete once
// the file has stopped growing, or where the caller says so: a server writes an
// entry at one stroke.
func (p *Publisher) advance(complete bool) (settled bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return false, p.err
	}
	text, err := io.ReadAll(p.file)
	if err == nil {
		err = p.splitter.write(text)
	}
	if err != nil {
		p.err = fmt.Errorf("publishing %s: %w", p.file.Name(), err)
		return false, p.err
	}
	if (complete || len(text) == 0) && len(p.splitter.partial) == 0 {
		p.splitter.finish()
	}
	now := time.Now()
	p.enqueue(p.splitter.take(), now)
	if p.paused {
		return true, nil
	}
	p.deliver(now)
	return len(p.waiting) == 0, nil
}

// enqueue applies the options to new events.
func (p *Publisher) enqueue(events []Event, now time.Time) {
	if p.stopped {
		return
	}
	for _, e := range events {
		if p.options.Drop != nil && p.options.Drop(e) {
			continue
		}
		for _, piece := range e.cut(p.options.MaxEventBytes) {
			a := p.route(piece, now)
			p.waiting = append(p.waiting, a)
			if p.options.Duplicate {
				p.waiting = append(p.waiting, a)
			}
		}
	}
}

func (p *Publisher) route(e Event, now time.Time) arrival {
	stream, delay := p.stream, p.options.Delay
	if p.options.Route != nil {
		stream, delay = p.options.Route(e)
	}
	return arrival{now.Add(delay), stream, e}
}

// cut divides an event into pieces of at most size bytes, of whole characters; 0 = one piece.
func (e Event) cut(size int) []Event {
	var pieces []Event
	for size > 0 && len(e.Message) > size {
		end := size
		for end > 1 && !utf8.RuneStart(e.Message[end]) {
			end--
		}
		piece := e
		piece.Message, e.Message = e.Message[:end], e.Message[end:]
		pieces = append(pieces, piece)
	}
	return append(pieces, e)
}

// deliver stores what is due.
func (p *Publisher) deliver(now time.Time) {
	due := map[string][]Event{}
	p.waiting = slices.DeleteFunc(p.waiting, func(a arrival) bool {
		if a.due.After(now) {
			return false
		}
		due[a.stream] = append(due[a.stream], a.event)
		return true
	})
	for stream, events := range due {
		p.store.AppendLog(p.group, stream, events...)
	}
}
