package sweep

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/cluster"
)

// Reading goes in slices of time. Only a slice that was read to its end is known to have no more events, whatever the order in
// which they come, so slices are short enough for progress to be stored often, and as long as that allows.
const (
	firstSlice    = 10 * time.Minute
	longestSlice  = 12 * time.Hour
	sliceTakes    = 10 * time.Second // what a slice should take
	storeInterval = 20 * time.Second
)

// requestInterval keeps within the 5 FilterLogEvents requests a second that an account has in each Region (CloudWatch Logs quotas).
const requestInterval = 200 * time.Millisecond

// throttledAttempts is how often a throttled request is tried: the quota is shared with everybody in the account.
const throttledAttempts = 10

// errOutOfTime says that reading stopped to leave time for what comes after.
var errOutOfTime = errors.New("the function's time is nearly up")

// reader reads log groups into a fold.
type reader struct {
	client *cloudwatchlogs.Client
	fold   *fold
	until  time.Time // reading stops then; zero = never
	pace   time.Duration
	next   time.Time                   // when the next request may be sent
	store  func(context.Context) error // called between slices, every storeInterval
	stored time.Time
}

// group reads a group from one time to another, both at whole seconds; the latter is not included.
func (r *reader) group(ctx context.Context, name string, from, to time.Time) error {
	length := firstSlice
	for from.Before(to) {
		end := from.Add(length)
		if end.After(to) {
			end = to
		}
		begun := time.Now()
		if err := r.slice(ctx, name, from, end); err != nil {
			return err
		}
		r.fold.endSlice()
		if err := r.storeDue(ctx); err != nil {
			return err
		}
		length = nextLength(length, time.Since(begun))
		from = end
	}
	return nil
}

// nextLength aims at slices that take sliceTakes.
func nextLength(length, took time.Duration) time.Duration {
	switch {
	case took < sliceTakes/4:
		length *= 2
	case took > sliceTakes:
		length = time.Duration(float64(length) * float64(sliceTakes) / float64(took))
	}
	return min(max(length, time.Second), longestSlice).Truncate(time.Second)
}

func (r *reader) storeDue(ctx context.Context) error {
	if time.Since(r.stored) < storeInterval {
		return nil
	}
	r.stored = time.Now()
	return r.store(ctx)
}

// page is one answer of FilterLogEvents, or why there is none.
type page struct {
	events []types.FilteredLogEvent
	err    error
}

// slice reads one slice. The next page is fetched while the last is taken in.
func (r *reader) slice(ctx context.Context, group string, from, to time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan page)
	go func() {
		defer close(pages)
		r.fetch(ctx, group, from, to, pages)
	}()
	end := to.UnixMilli()
	for p := range pages {
		if p.err != nil {
			return p.err
		}
		for _, e := range p.events {
			// Whether endTime is included is told in two ways; the next slice brings what is left out here.
			if at := aws.ToInt64(e.Timestamp); at < end {
				r.fold.add(aws.ToString(e.LogStreamName), at, aws.ToString(e.Message))
			}
		}
	}
	return ctx.Err()
}

// fetch follows the pages of a slice. A page may be empty and still not be the last.
func (r *reader) fetch(ctx context.Context, group string, from, to time.Time, pages chan<- page) {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group,
		StartTime: aws.Int64(from.UnixMilli()), EndTime: aws.Int64(to.UnixMilli())}
	for {
		var p page
		out, err := r.request(ctx, in)
		if err != nil {
			p.err = err
		} else {
			p.events, in.NextToken = out.Events, out.NextToken
		}
		select {
		case pages <- p:
		case <-ctx.Done():
			return
		}
		if err != nil || in.NextToken == nil {
			return
		}
	}
}

func (r *reader) request(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	now := time.Now()
	if !r.until.IsZero() && now.After(r.until) {
		return nil, errOutOfTime
	}
	select {
	case <-time.After(r.next.Sub(now)):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.next = time.Now().Add(r.pace)
	out, err := r.client.FilterLogEvents(ctx, in, func(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = throttledAttempts })
	if err != nil {
		return nil, cluster.ExplainLogFault(aws.ToString(in.LogGroupName), err)
	}
	return out, nil
}
