package logs_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

const logGroup = "/aws/rds/cluster/main/postgresql"

// minutely is a source with one event a minute since 1970, labelled by name.
func minutely(name string) localaws.LogSource {
	return func(from, to time.Time, yield func(localaws.Event) bool) {
		for t := from.Add(time.Minute - 1).Truncate(time.Minute); !t.After(to); t = t.Add(time.Minute) {
			if !yield(localaws.Event{Time: t, Message: name + t.UTC().Format(" 15:04")}) {
				return
			}
		}
	}
}

func newLocalJournal(t *testing.T) (*localaws.Stack, awstest.Journal) {
	t.Helper()
	stack := awstest.Start(t)
	return stack, awstest.Journal{Client: cloudwatchlogs.NewFromConfig(stack.Config()), Group: aws.String(logGroup)}
}

func TestSourcesArePagedAndInterleaved(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	day := time.Date(2019, 5, 1, 0, 0, 0, 0, time.UTC)
	stack.SetLogSource(logGroup, "a.0", minutely("a"))
	stack.SetLogSource(logGroup, "b.0", minutely("b"))
	stack.AppendLog(logGroup, "c.0", localaws.Event{Time: day.Add(90 * time.Second), Message: "c between"})
	stack.SetLogLimits(localaws.LogLimits{PageEvents: 3, EmptyPages: 2})
	got, pages := j.Filter(t, cloudwatchlogs.FilterLogEventsInput{StartTime: aws.Int64(day.UnixMilli()), EndTime: aws.Int64(day.Add(3 * time.Minute).UnixMilli())})
	want := []string{"a 00:00", "b 00:00", "a 00:01", "b 00:01", "c between", "a 00:02", "b 00:02", "a 00:03", "b 00:03"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if pages != 9 {
		t.Errorf("%d pages, want 3 with events and 2 empty ones before each", pages)
	}
}

func TestPagesSplitEventsOfOneMillisecond(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var want []string
	for i := range 10 {
		want = append(want, fmt.Sprint(i))
		stack.AppendLog(logGroup, "a.0", localaws.Event{Time: at, Message: want[i]})
	}
	stack.SetLogSource(logGroup, "b.0", func(_, _ time.Time, yield func(localaws.Event) bool) {
		for i := range 10 {
			if !yield(localaws.Event{Time: at, Message: fmt.Sprint(10 + i)}) {
				return
			}
		}
	})
	for i := range 10 {
		want = append(want, fmt.Sprint(10+i))
	}
	stack.SetLogLimits(localaws.LogLimits{PageEvents: 3})
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, want...)
}

func TestLateEventsTakeTheirPlace(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	stack.AppendLog(logGroup, "a.0", localaws.Event{Time: at.Add(2 * time.Second), Message: "2"}, localaws.Event{Time: at, Message: "0"})
	stack.AppendLog(logGroup, "a.0", localaws.Event{Time: at.Add(time.Second), Message: "1"}, localaws.Event{Time: at.Add(3 * time.Second), Message: "3"})
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, "0", "1", "2", "3")
}

func TestThrottledBeyondTheQuota(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	stack.AppendLog(logGroup, "a.0")
	stack.SetLogLimits(localaws.LogLimits{RequestsPerSecond: 1})
	refused := 0
	for range 50 {
		_, err := j.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group},
			func(o *cloudwatchlogs.Options) { o.Retryer = aws.NopRetryer{} })
		if refusal, ok := errors.AsType[smithy.APIError](err); ok && refusal.ErrorCode() == "ThrottlingException" {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Error("50 requests in a row were all let through")
	}
}

func TestRetentionHidesEvents(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	now := time.Now()
	stack.AppendLog(logGroup, "a.0", localaws.Event{Time: now.AddDate(0, 0, -8), Message: "old"}, localaws.Event{Time: now.AddDate(0, 0, -6), Message: "young"})
	if _, err := j.Client.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: j.Group, RetentionInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, "young")
}

func TestDeletedStreamAndGroupAreGone(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	stack.AppendLog(logGroup, "a.0", localaws.Event{Time: time.Now(), Message: "a"})
	stack.AppendLog(logGroup, "b.0", localaws.Event{Time: time.Now(), Message: "b"})
	if _, err := j.Client.DeleteLogStream(t.Context(), &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: j.Group, LogStreamName: aws.String("a.0")}); err != nil {
		t.Fatal(err)
	}
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, "b")
	if _, err := j.Client.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: j.Group}); err != nil {
		t.Fatal(err)
	}
	_, err := j.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group})
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func TestFilterPatterns(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	messages := []string{`say "hi" to a\b`, "red apple", "green apple", "green pear"}
	for i, message := range messages {
		stack.AppendLog(logGroup, "a.0", localaws.Event{Time: time.UnixMilli(int64(i)), Message: message})
	}
	for pattern, want := range map[string][]string{
		``:                     messages,
		`apple`:                {"red apple", "green apple"},
		`apple -red`:           {"green apple"},
		`-"green "`:            {`say "hi" to a\b`, "red apple"},
		`?pear ?red`:           {"red apple", "green pear"},
		`?"pear" -green`:       {},
		`apple ?pear`:          {"red apple", "green apple"},
		`"say \"hi\" to a\\b"`: {`say "hi" to a\b`},
	} {
		t.Run(pattern, func(t *testing.T) {
			j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{FilterPattern: &pattern}, want...)
		})
	}
	for _, pattern := range []string{`"open`, `connection:`, `{ $.a = 1 }`, `[a, b]`, `%x%`, `?`} {
		t.Run("refused: "+pattern, func(t *testing.T) {
			_, err := j.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group, FilterPattern: &pattern})
			awstest.WantCode(t, err, "InvalidParameterException")
		})
	}
}

func TestFilterRequestsThatContradictThemselves(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	stack.AppendLog(logGroup, "a.0")
	for name, test := range map[string]struct {
		in   cloudwatchlogs.FilterLogEventsInput
		code string
	}{
		"no group":         {cloudwatchlogs.FilterLogEventsInput{}, "InvalidParameterException"},
		"name and ARN":     {cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group, LogGroupIdentifier: j.Group}, "InvalidParameterException"},
		"names and prefix": {cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group, LogStreamNames: []string{"a.0"}, LogStreamNamePrefix: aws.String("a")}, "InvalidParameterException"},
		"unknown stream":   {cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group, LogStreamNames: []string{"z.0"}}, "ResourceNotFoundException"},
		"limit":            {cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group, Limit: aws.Int32(10_001)}, "InvalidParameterException"},
		"foreign token":    {cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group, NextToken: aws.String("???")}, "InvalidParameterException"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := j.Client.FilterLogEvents(t.Context(), &test.in)
			awstest.WantCode(t, err, test.code)
		})
	}
}
