package logs

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// Bounds of a PutLogEvents batch.
const (
	maxBatchEvents = 10_000
	maxBatchBytes  = 1_048_576
	eventOverhead  = 26 // bytes counted for each event besides its message
	maxBatchSpan   = 24 * time.Hour
	maxEventAge    = 14 * 24 * time.Hour
	maxEventFuture = 2 * time.Hour
)

// rejectedEvents is PutLogEvents' rejectedLogEventsInfo: which events of the
// batch were not stored.
type rejectedEvents struct {
	TooOld   int  `json:"tooOldLogEventEndIndex,omitempty"`
	Expired  int  `json:"expiredLogEventEndIndex,omitempty"`
	TooNewAt *int `json:"tooNewLogEventStartIndex,omitempty"`
}

func (l *Store) putEvents(_ protocol.Caller, in *cloudwatchlogs.PutLogEventsInput) (any, error) {
	if err := checkBatch(in.LogEvents); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	group, err := l.find(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	stream, err := group.find(in.LogStreamName)
	if err != nil {
		return nil, err
	}
	accepted, rejected := group.accept(in.LogEvents, l.now())
	stream.store(accepted, l.now(), l.masking(group))
	return struct {
		NextSequenceToken string          `json:"nextSequenceToken"`
		Rejected          *rejectedEvents `json:"rejectedLogEventsInfo,omitempty"`
	}{protocol.RandomHex(28), rejected}, nil
}

// checkBatch applies the rules that refuse a batch as a whole.
func checkBatch(events []types.InputLogEvent) error {
	if len(events) == 0 || len(events) > maxBatchEvents {
		return protocol.InvalidParameter("A PutLogEvents request must hold between 1 and 10,000 log events.")
	}
	size := 0
	for i, e := range events {
		if e.Timestamp == nil || aws.ToString(e.Message) == "" {
			return protocol.InvalidParameter("Each log event needs a timestamp and a message.")
		}
		size += len(*e.Message) + eventOverhead
		if i > 0 && *e.Timestamp < *events[i-1].Timestamp {
			return protocol.InvalidParameter("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if size > maxBatchBytes {
		return protocol.InvalidParameter("Upload too large: the batch exceeds 1,048,576 bytes.")
	}
	if span := *events[len(events)-1].Timestamp - *events[0].Timestamp; span > maxBatchSpan.Milliseconds() {
		return protocol.InvalidParameter("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// accept leaves out what is too old, expired or too far in the future. The
// batch is in chronological order.
func (g *logGroup) accept(events []types.InputLogEvent, now time.Time) ([]Event, *rejectedEvents) {
	var accepted []Event
	var rejected rejectedEvents
	for i, e := range events {
		t := time.UnixMilli(*e.Timestamp)
		switch {
		case t.Before(now.Add(-maxEventAge)):
			rejected.TooOld = i + 1
		case t.Before(g.horizon(now)):
			rejected.Expired = i + 1
		case t.After(now.Add(maxEventFuture)):
			if rejected.TooNewAt == nil {
				rejected.TooNewAt = &i
			}
		default:
			accepted = append(accepted, Event{Time: t, Message: strings.ToValidUTF8(*e.Message, "\ufffd")})
		}
	}
	if rejected == (rejectedEvents{}) {
		return accepted, nil
	}
	return accepted, &rejected
}
