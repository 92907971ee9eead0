package logread

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	// longestPiece is as much as one query reads: one that has not ended after an hour is lost.
	longestPiece  = 7 * 24 * time.Hour
	shortestPiece = time.Minute
)

// How often a running query is asked for. An account may ask ten times a second in all (CloudWatch Logs quotas).
const (
	firstPoll   = 250 * time.Millisecond
	longestPoll = 5 * time.Second
)

// stopTakes is how long stopping a query may take, once there is no more time for anything else.
const stopTakes = 5 * time.Second

// queryAttempts is how often a call is tried, with the SDK's growing delays, where the quotas of the account are used up.
const queryAttempts = 10

// errTooMuch says that a piece has to be shorter.
var errTooMuch = errors.New("more than one query can give")

// insightsReader reads rows through Logs Insights.
type insightsReader struct {
	client *cloudwatchlogs.Client
	until  time.Time
	usage  Usage
}

func (r *insightsReader) Usage() Usage { return r.usage }

func (r *insightsReader) Read(ctx context.Context, group Group, from, to time.Time, sink Sink) error {
	if err := readableByQuery(group); err != nil {
		return err
	}
	bounded, cancel := withUntil(ctx, r.until)
	defer cancel()
	length := longestPiece
	// A query that ends before the group was made is an error; there is nothing to be read there.
	for from = later(from, earlier(group.Created.Truncate(time.Second), to)); from.Before(to); {
		end := earlier(from.Add(length), to)
		rows, err := r.piece(bounded, group, from, end, Query(group.Protected))
		if errors.Is(err, errTooMuch) && end.Sub(from) > shortestPiece {
			length = max(end.Sub(from)/2, shortestPiece).Truncate(time.Second)
			continue
		}
		if errors.Is(err, errTooMuch) {
			rows, err = r.piece(bounded, group, from, end, folded(Query(group.Protected)))
		}
		if err != nil {
			return err
		}
		for _, row := range rows {
			sink.Row(row)
		}
		if err := sink.ReadTo(ctx, end); err != nil {
			return err
		}
		from, length = end, min(2*length, longestPiece) // too much is seldom too much all the time
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// piece asks one query to its end. Nothing of a query that ends otherwise is used.
func (r *insightsReader) piece(ctx context.Context, group Group, from, to time.Time, text string) ([]Row, error) {
	started, err := r.client.StartQuery(ctx, &cloudwatchlogs.StartQueryInput{LogGroupNames: []string{group.Name}, QueryString: &text,
		StartTime: aws.Int64(from.Unix()), EndTime: aws.Int64(to.Unix())}, patient)
	r.usage.Requests++
	if err != nil {
		return nil, queryFault(ctx, group, "starting a query of", group.permissions("logs:StartQuery"), err)
	}
	id := aws.ToString(started.QueryId)
	out, err := r.await(ctx, group, id)
	if err != nil {
		if fault := r.stop(ctx, group, id); fault != nil {
			err = fmt.Errorf("%w; %w", err, fault)
		}
		return nil, err
	}
	if out.Status != types.QueryStatusComplete {
		return nil, endedFault(group, id, out.Status, from, to)
	}
	rows, err := r.collect(ctx, group, id, out)
	if errors.Is(err, errTooMuch) {
		err = fmt.Errorf("log group %q has, from %s to %s, %w (%d rows): something makes up roles, databases or streams",
			group.Name, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), err, rowLimit)
	}
	return rows, err
}

// await asks for a query until it has ended, and returns the first page of what it gave.
func (r *insightsReader) await(ctx context.Context, group Group, id string) (*cloudwatchlogs.GetQueryResultsOutput, error) {
	var scanned float64 // so far, which is paid for however the query ends
	defer func() { r.usage.Bytes += int64(scanned) }()
	for poll := firstPoll; ; poll = min(poll*3/2, longestPoll) {
		if err := wait(ctx, poll); err != nil {
			return nil, queryFault(ctx, group, "waiting for a query of", "", err)
		}
		out, err := r.results(ctx, group, id, nil)
		if err != nil {
			return nil, err
		}
		if out.Statistics != nil {
			scanned = out.Statistics.BytesScanned
		}
		if out.Status != types.QueryStatusScheduled && out.Status != types.QueryStatusRunning {
			return out, nil
		}
	}
}

func (r *insightsReader) results(ctx context.Context, group Group, id string, token *string) (*cloudwatchlogs.GetQueryResultsOutput, error) {
	r.usage.Requests++
	out, err := r.client.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: &id, NextToken: token}, patient)
	if err != nil {
		return nil, queryFault(ctx, group, "reading the results of a query of", anyQuery("logs:GetQueryResults"), err)
	}
	return out, nil
}

// stop ends a query that nobody waits for any more, so that it takes none of the account's places. It returns an error where that is
// not permitted; otherwise it fails where the query has ended by itself.
func (r *insightsReader) stop(ctx context.Context, group Group, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTakes)
	defer cancel()
	r.usage.Requests++
	_, err := r.client.StopQuery(ctx, &cloudwatchlogs.StopQueryInput{QueryId: &id})
	if !isDenied(err) {
		return nil
	}
	return explain(group.Name, "stopping a query of", anyQuery("logs:StopQuery"), err)
}

// anyQuery names a permission for requests that name a query and no log group.
func anyQuery(action string) string { return action + ` on "*"` }

// endedFault says how a query ended that gave no result. One that ran out of its own time had too much to read.
func endedFault(group Group, id string, status types.QueryStatus, from, to time.Time) error {
	err := fmt.Errorf("query %s of log group %q, from %s to %s, ended as %q", id, group.Name, from.UTC().Format(time.RFC3339),
		to.UTC().Format(time.RFC3339), status)
	if status == types.QueryStatusTimeout {
		return fmt.Errorf("%w: %w", err, errTooMuch)
	}
	return err
}

func queryFault(ctx context.Context, group Group, doing, permissions string, err error) error {
	if outOfTime(ctx) {
		return ErrOutOfTime
	}
	return explain(group.Name, doing, permissions, err)
}

// readableByQuery refuses what no query reads whole.
func readableByQuery(group Group) error {
	switch {
	case group.Class == types.LogGroupClassDelivery:
		return fmt.Errorf("log group %q is of class DELIVERY, which is kept for forwarding and cannot be read: %s", group.Name, newGroup)
	case group.Class == types.LogGroupClassInfrequentAccess && group.Protected:
		return fmt.Errorf("log group %q is of class INFREQUENT_ACCESS, where what a data protection policy masks cannot be read by anybody: %s",
			group.Name, newGroup)
	}
	return nil
}

const newGroup = "delete the group, so that RDS makes it anew in the class STANDARD; what it holds now is lost with it"

func patient(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = queryAttempts }
