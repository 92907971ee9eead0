package logs

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// timestampLength is that of "2026-11-22 11:50:38", with which both of RDS's
// log_line_prefix values begin (%t and %m).
const timestampLength = len(time.DateTime)

// entrySplitter cuts a server log into entries. An entry begins with a
// timestamp and takes the lines that follow without one.
type entrySplitter struct {
	eachLine bool // every line is an entry of its own
	partial  []byte
	entry    []byte // the one that further lines may still join
	started  time.Time
	done     []Event
}

// write takes more of the log.
func (s *entrySplitter) write(text []byte) error {
	s.partial = append(s.partial, text...)
	for {
		line, rest, found := bytes.Cut(s.partial, []byte("\n"))
		if !found {
			return nil
		}
		if err := s.takeLine(line); err != nil {
			return err
		}
		s.partial = rest
	}
}

func (s *entrySplitter) takeLine(line []byte) error {
	t, isStart, err := lineTime(line)
	if err != nil {
		return err
	}
	if s.entry != nil && !isStart && !s.eachLine {
		s.entry = append(append(s.entry, '\n'), line...)
		return nil
	}
	s.finish()
	if isStart {
		s.started = t
	} else if s.started.IsZero() {
		s.started = time.Now()
	}
	s.entry = bytes.Clone(line)
	return nil
}

// finish ends the entry: no further line belongs to it.
func (s *entrySplitter) finish() {
	if len(s.entry) > 0 {
		s.done = append(s.done, Event{Time: s.started, Message: string(s.entry)})
	}
	s.entry = nil
}

// take hands over the finished entries.
func (s *entrySplitter) take() []Event {
	done := s.done
	s.done = nil
	return done
}

// lineTime reads the timestamp that an entry begins with: "2026-11-22 11:50:38
// UTC:" or "2026-11-22 11:50:38.123 UTC:". RDS servers log in UTC, and a name
// of another zone tells no offset, so it is an error.
func lineTime(line []byte) (t time.Time, isStart bool, err error) {
	if len(line) < timestampLength {
		return time.Time{}, false, nil
	}
	t, err = time.Parse(time.DateTime, string(line[:timestampLength]))
	if err != nil {
		return time.Time{}, false, nil
	}
	prefix, _, found := strings.Cut(string(line[timestampLength:min(len(line), 60)]), ":")
	fraction, zone, hasZone := strings.Cut(prefix, " ")
	if !found || !hasZone {
		return time.Time{}, false, nil
	}
	if zone != "UTC" && zone != "GMT" {
		return time.Time{}, false, fmt.Errorf("the server logs in zone %s: set log_timezone to UTC, as it is on RDS", zone)
	}
	if fraction != "" {
		ms, err := time.ParseDuration("0" + fraction + "s")
		if err != nil {
			return time.Time{}, false, nil
		}
		t = t.Add(ms)
	}
	return t, true, nil
}
