// Package logread reads a PostgreSQL log group of CloudWatch Logs in one of two ways: whole events through FilterLogEvents, or, where
// that would take too long or the class of the group forbids it, rows that a constant query of Logs Insights sums up. It says what was
// read and how far, and judges nothing.
package logread

import (
	"context"
	"errors"
	"time"
)

// Sink takes in what a Reader reads.
type Sink interface {
	// Event is one whole event. Those of a slice come in no order that could be relied on across streams.
	Event(Event)
	// Row stands for all entries of one kind under one prefix in one stream of a stretch.
	Row(Row)
	// ReadTo says that everything before that time has been given. It is called between the parts of a reading, so that progress
	// can be stored; its error ends the reading and is returned as it is.
	ReadTo(context.Context, time.Time) error
}

// Event is an event of a log group.
type Event struct {
	Stream   string
	At       int64 // the event's own time, ms since 1970
	Ingested int64 // when CloudWatch Logs had it, ms since 1970
	Message  string
}

// Reader reads a group from one whole second to another; the latter is not included. Read returns ErrOutOfTime where it stopped
// because its time was up: what was given up to the last ReadTo stays true.
type Reader interface {
	Read(ctx context.Context, group Group, from, to time.Time, sink Sink) error
	Usage() Usage
}

// Usage is what a Reader has used since it was made.
type Usage struct {
	Bytes    int64 // of messages received, or scanned by queries
	Requests int
}

// ErrOutOfTime is returned by a Reader that stopped to leave time for what comes after.
var ErrOutOfTime = errors.New("the function's time is nearly up")

// Options are a Reader's.
type Options struct {
	Region string    // of the group; it decides the pace of FilterLogEvents
	Until  time.Time // reading stops then; zero = never
}
