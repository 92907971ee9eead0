package logread

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
)

// Reading goes in slices of time. Only a slice that was read to its end is known to have no more events, whatever the order in
// which they come, so slices are short enough for progress to be stored often, and as long as that allows. What a slice holds is known
// once it is read: after a quiet night one may hold a busy morning, and is left for shorter ones.
const (
	firstSlice    = 10 * time.Minute
	longestSlice  = 12 * time.Hour
	shortestSlice = time.Second
	sliceTakes    = 10 * time.Second // what a slice should take
	sliceMayTake  = 15 * time.Second // before it is left
)

// throttledAttempts is how often a throttled request is tried: the quota is shared with everybody in the account.
const throttledAttempts = 10

// eventReader reads whole events through FilterLogEvents.
type eventReader struct {
	client   *cloudwatchlogs.Client
	until    time.Time
	pace     *pace
	longest  time.Duration // slice
	patience time.Duration // with a slice, before it is left
	given    given
	pages    [2]page // one is fetched while the other is taken in
	usage    Usage
}

// longestSlice is how long a slice may be. Where no progress is to be stored, and few events are expected, one is enough.
func (o Options) longestSlice() time.Duration {
	if o.Slice == 0 {
		return longestSlice
	}
	return o.Slice
}

func (r *eventReader) Usage() Usage { return r.usage }

func (r *eventReader) Read(ctx context.Context, group Group, from, to time.Time, sink Sink) error {
	if group.Class != types.LogGroupClassStandard {
		return fmt.Errorf("log group %q is of class %s, whose events FilterLogEvents does not read", group.Name, group.Class)
	}
	bounded, cancel := withUntil(ctx, r.until)
	defer cancel()
	r.given.forget()
	length := max(firstSlice, r.longest-longestSlice)
	for from.Before(to) {
		end := r.given.within(from, earlier(from.Add(length), to))
		begun := time.Now()
		newest, whole, err := r.slice(bounded, group, from, end, sink)
		if err != nil {
			return err
		}
		if !whole {
			length = shorter(end.Sub(from), newest.Sub(from))
			continue
		}
		if err := sink.ReadTo(ctx, end); err != nil {
			return err
		}
		length = min(nextLength(length, time.Since(begun), r.given.few()), r.longest)
		r.given.end(end)
		from = end
	}
	return nil
}

// nextLength aims at slices that take sliceTakes. One of many events does not grow, however soon it was read.
func nextLength(length, took time.Duration, few bool) time.Duration {
	switch {
	case took < sliceTakes/4 && few:
		length *= 2
	case took > sliceTakes:
		length = time.Duration(float64(length) * float64(sliceTakes) / float64(took))
	}
	return max(length, shortestSlice).Truncate(time.Second)
}

// shorter is the length of a slice in the place of one that was left: a third of how far its events had come. That they come in their
// order is relied on for no more than this.
func shorter(length, came time.Duration) time.Duration {
	next := min(max(came/3, length/16), length/2)
	return max(next, shortestSlice).Truncate(time.Second)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// slice reads one slice, or leaves it after a page where it takes too long: then whole is false, and newest the time of the latest event
// that it held so far. The next page is fetched while the last is taken in.
func (r *eventReader) slice(ctx context.Context, group Group, from, to time.Time, sink Sink) (newest time.Time, whole bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	pages, left := make(chan *page), make(chan struct{})
	go func() {
		defer close(pages)
		r.fetch(ctx, group, from, to, pages, left)
	}()
	defer func() {
		cancel()
		for range pages { // until fetch has ended: it counts the requests
		}
	}()
	newest = from
	begun := time.Now()
	for p := range pages {
		if p.err != nil {
			return newest, false, p.err
		}
		last := p.next == nil
		for _, e := range p.events {
			r.usage.Bytes += int64(len(e.Message))
			newest = later(newest, time.UnixMilli(e.At))
			if r.given.add(e) {
				sink.Event(e)
			}
		}
		p.forget()
		if !last && to.Sub(from) > shortestSlice && (time.Since(begun) > r.patience || r.given.full()) {
			r.given.leave(to)
			close(left)
			for range pages { // a request that is under way goes on to its end: the SDK warns on standard error of one that is cut off
			}
			return newest, false, nil
		}
	}
	if err := context.Cause(ctx); err != nil {
		return newest, false, err
	}
	return newest, true, nil
}

// fetch follows the pages of a slice until it is left. A page may be empty and still not be the last.
func (r *eventReader) fetch(ctx context.Context, group Group, from, to time.Time, pages chan<- *page, left <-chan struct{}) {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group.Name, Unmask: group.Protected,
		StartTime: aws.Int64(from.UnixMilli()), EndTime: aws.Int64(to.UnixMilli() - 1)} // FilterLogEvents includes the end
	for n := 0; ; n++ {
		p := &r.pages[n%2]
		err := r.request(ctx, in, p)
		switch {
		case err != nil:
			err = r.fault(ctx, group, err)
		case repeats(in.NextToken, p.next):
			err = errRepeated(group)
		}
		p.err, in.NextToken = err, p.next
		select {
		case pages <- p: // so the other has been taken in
		case <-left:
			return
		case <-ctx.Done():
			return
		}
		if err != nil || in.NextToken == nil || closed(left) {
			return
		}
	}
}

// repeats reports that an answer has the token that it was asked for by: following it would never end.
func repeats(asked, told *string) bool { return asked != nil && told != nil && *asked == *told }

func errRepeated(group Group) error {
	return fmt.Errorf("CloudWatch Logs told the same nextToken twice for log group %q, so whether all was given cannot be told: sweep again later, and tell AWS if it stays so", group.Name)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// request sends a request at the pace, and again, ever slower, while it is throttled. The answer is in the page.
func (r *eventReader) request(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput, p *page) error {
	for attempt := 1; ; attempt++ {
		if err := wait(ctx, r.pace.take(time.Now())); err != nil {
			return err
		}
		r.usage.Requests++
		_, err := r.client.FilterLogEvents(ctx, in, notThrottled, p.decode)
		if !isThrottled(err) || attempt == throttledAttempts {
			return err
		}
		r.pace.throttled(time.Now())
	}
}

func (r *eventReader) fault(ctx context.Context, group Group, err error) error {
	if outOfTime(ctx) {
		return ErrOutOfTime
	}
	return explain(group.Name, "reading", group.permissions("logs:FilterLogEvents"), err)
}

// notThrottled has the SDK hand over a throttled request, so that the pace learns of it.
func notThrottled(o *cloudwatchlogs.Options) {
	o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
		s.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if isThrottled(err) {
				return aws.FalseTernary
			}
			return aws.UnknownTernary
		})}, s.Retryables...)
	})
}

func isThrottled(err error) bool {
	var fault smithy.APIError
	return errors.As(err, &fault) && (fault.ErrorCode() == "ThrottlingException" || fault.ErrorCode() == "Throttling")
}
