// Package logread reads a PostgreSQL log group of CloudWatch Logs in one of two ways: whole events through FilterLogEvents, or, where
// that would take too long or the group's class forbids it, rows that a constant query of Logs Insights sums up. It tells what was read
// and how far, and judges nothing.
package logread

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// Sink takes in what a Reader reads.
type Sink interface {
	// Event is one whole event. The events of a part come in no order that could be relied on across streams.
	Event(Event)
	// Row stands for all entries of one kind in one stream of a part.
	Row(Row)
	// ReadTo ends a part: everything before that time has been given, once, so progress can be stored. Its error ends the reading and
	// is returned as it is. What was given since the last ReadTo is true, but may be given again by the next reading.
	ReadTo(context.Context, time.Time) error
}

// Event is an event of a log group.
type Event struct {
	Stream   string
	At       int64 // the event's own time, ms since 1970
	Ingested int64 // when CloudWatch Logs took it in, ms since 1970
	Message  string
}

// Reader reads log groups in one of the two ways. It is for one reading at a time.
type Reader interface {
	// Read reads a group from one whole second to another, which is not included but for what LogsInsights cannot leave out. It returns
	// ErrOutOfTime where it stopped because its time was up.
	Read(ctx context.Context, group Group, from, to time.Time, sink Sink) error
	// Usage is what the Reader has used since it was made.
	Usage() Usage
}

// Usage is what a reading costs.
type Usage struct {
	Bytes    int64 // received as messages, or scanned by queries
	Requests int
}

// ErrOutOfTime is returned by a Reader that stopped to leave time for what comes after.
var ErrOutOfTime = errors.New("the function's time is nearly up")

// Options are those of both Readers.
type Options struct {
	Region string        // of the groups
	Until  time.Time     // reading stops then; zero = never
	Pace   Pace          // of FilterLogEvents; zero = the Region's
	Slice  time.Duration // longest stretch that FilterLogEvents reads before ReadTo, if that is quick; zero = 12 hours
}

// New makes the Reader that was chosen.
func New(way Way, client *cloudwatchlogs.Client, o Options) Reader {
	if way == LogsInsights {
		return &insightsReader{client: client, until: o.Until}
	}
	return &eventReader{client: client, until: o.Until, pace: newPace(o), longest: o.longestSlice(), patience: sliceMayTake}
}

// withUntil bounds a context; context.Cause tells ErrOutOfTime from the caller's own end.
func withUntil(ctx context.Context, until time.Time) (context.Context, context.CancelFunc) {
	if until.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, until, ErrOutOfTime)
}

// outOfTime reports that a context made by withUntil ended by its time.
func outOfTime(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrOutOfTime) }

// wait waits, or returns why the context ended.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
