package logs_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

// appendSeconds stores messages a second after another, from the first second of 1970.
func appendSeconds(stack *localaws.Stack, stream string, messages ...string) {
	for i, message := range messages {
		stack.AppendLog(logGroup, stream, localaws.Event{Time: time.Unix(int64(i+1), 0), Message: message})
	}
}

func TestQueryTellsRowsAndStatistics(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	appendSeconds(stack, "a.0", "user=ann", "user=bob", "nobody")
	stack.AppendLog(logGroup, "b.0", localaws.Event{Time: time.Unix(9, 0), Message: "user=ann"}, localaws.Event{Time: time.Unix(100_001, 0), Message: "user=late"})
	out := j.Query(t, `parse @message /user=(?<user>\w+)/ | filter ispresent(user) | stats count(*) as n, max(toMillis(@timestamp)) as at by @logStream, user`)
	want := []string{"@logStream=a.0 user=ann n=1 at=1000", "@logStream=a.0 user=bob n=1 at=2000", "@logStream=b.0 user=ann n=1 at=9000"}
	if got := awstest.Shown(out.Results); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if s := out.Statistics; s.RecordsMatched != 3 || s.RecordsScanned != 4 || s.BytesScanned != 8+8+6+8 || s.ResultCount != 3 || s.LogGroupsScanned != 1 {
		t.Errorf("%+v", *s)
	}
}

func TestQueriedTimesAreWholeSecondsBothIncluded(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	for _, ms := range []int64{999, 1000, 2000, 2500, 3000} {
		stack.AppendLog(logGroup, "a.0", localaws.Event{Time: time.UnixMilli(ms), Message: fmt.Sprint(ms)})
	}
	for whole, want := range map[bool][]string{false: {"@message=1000", "@message=2000"}, true: {"@message=1000", "@message=2000", "@message=2500"}} {
		stack.SetLogLimits(localaws.LogLimits{WholeEndSecond: whole})
		out, err := j.Client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{LogGroupIdentifiers: []string{"arn:aws:logs:us-east-1:123456789012:log-group:" + logGroup},
			QueryString: aws.String(`stats count(*) by @message | display @message`), StartTime: aws.Int64(1), EndTime: aws.Int64(2)})
		if err != nil {
			t.Fatal(err)
		}
		if got := awstest.Shown(j.Await(t, out.QueryId).Results); !slices.Equal(got, want) {
			t.Errorf("whole second %v: got %q, want %q", whole, got, want)
		}
	}
}

func TestQueryResultsComeInPages(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	appendSeconds(stack, "a.0", "a", "b", "c", "d", "e")
	id, err := j.Begin(t, `stats count(*) as n by @message`)
	if err != nil {
		t.Fatal(err)
	}
	j.Await(t, id)
	var rows [][]types.ResultField
	pages := 0
	in := &cloudwatchlogs.GetQueryResultsInput{QueryId: id, MaxItems: aws.Int32(2)}
	for ; pages == 0 || in.NextToken != nil; pages++ {
		out, err := j.Client.GetQueryResults(t.Context(), in)
		if err != nil || out.Statistics.ResultCount != 5 {
			t.Fatalf("%+v, %v", out, err)
		}
		rows, in.NextToken = append(rows, out.Results...), out.NextToken
	}
	if got := awstest.Shown(rows); !slices.Equal(got, []string{"@message=a n=1", "@message=b n=1", "@message=c n=1", "@message=d n=1", "@message=e n=1"}) || pages != 3 {
		t.Errorf("%q in %d pages", got, pages)
	}
	_, err = j.Client.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: id, MaxItems: aws.Int32(10_001)})
	awstest.WantCode(t, err, "InvalidParameterException")
}

func TestQueryIsScheduledThenRunning(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	appendSeconds(stack, "a.0", "a", "b", "c")
	stack.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome {
		return localaws.QueryOutcome{ScheduledPolls: 1, RunningPolls: 2}
	})
	id, err := j.Begin(t, `stats count(*) as n by @message`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		status types.QueryStatus
		rows   int
	}{{types.QueryStatusScheduled, 0}, {types.QueryStatusRunning, 2}, {types.QueryStatusRunning, 2}, {types.QueryStatusComplete, 3}} {
		if out := j.Poll(t, id); out.Status != want.status || len(out.Results) != want.rows {
			t.Errorf("%s with %d rows, want %s with %d", out.Status, len(out.Results), want.status, want.rows)
		}
	}
}

func TestQueryEndsAsDecided(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	appendSeconds(stack, "a.0", "a", "b")
	for _, status := range []types.QueryStatus{types.QueryStatusFailed, types.QueryStatusTimeout, types.QueryStatusCancelled, types.QueryStatusUnknown} {
		stack.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome { return localaws.QueryOutcome{Status: status} })
		if out := j.Query(t, `fields @message`); out.Status != status {
			t.Errorf("%s, want %s", out.Status, status)
		}
	}
	stack.DecideQueries(func(q localaws.LogQuery) localaws.QueryOutcome {
		if q.Text != `fields @message` || q.Groups[0] != logGroup || q.From.Unix() != 0 || q.To.Unix() != 100_000 {
			t.Errorf("asked to decide on %+v", q)
		}
		return localaws.QueryOutcome{Alter: func(out *cloudwatchlogs.GetQueryResultsOutput) {
			out.Results = [][]types.ResultField{{{Field: aws.String("@message")}}}
			out.Statistics = nil
		}}
	})
	if out := j.Query(t, `fields @message`); len(out.Results) != 1 || out.Results[0][0].Value != nil || out.Statistics != nil {
		t.Errorf("altered to %+v", out)
	}
}

func TestStoppedQueryFreesItsPlace(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	appendSeconds(stack, "a.0", "a")
	stack.SetLogLimits(localaws.LogLimits{ConcurrentQueries: 2})
	stack.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome { return localaws.QueryOutcome{Endless: true} })
	first, err := j.Begin(t, `fields @message`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Begin(t, `fields @message`); err != nil {
		t.Fatal(err)
	}
	_, err = j.Begin(t, `fields @message`)
	awstest.WantCode(t, err, "LimitExceededException")
	if out := j.Poll(t, first); out.Status != types.QueryStatusRunning {
		t.Errorf("an endless query is %s", out.Status)
	}
	out, err := j.Client.StopQuery(t.Context(), &cloudwatchlogs.StopQueryInput{QueryId: first})
	if err != nil || !out.Success {
		t.Errorf("%+v, %v", out, err)
	}
	if out := j.Poll(t, first); out.Status != types.QueryStatusCancelled {
		t.Errorf("a stopped query is %s", out.Status)
	}
	_, err = j.Client.StopQuery(t.Context(), &cloudwatchlogs.StopQueryInput{QueryId: first})
	awstest.WantCode(t, err, "InvalidParameterException")
	if _, err := j.Begin(t, `fields @message`); err != nil {
		t.Error(err)
	}
}

func TestEndedQueryCannotBeStopped(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	appendSeconds(stack, "a.0", "a")
	id, err := j.Begin(t, `fields @message`)
	if err != nil {
		t.Fatal(err)
	}
	j.Await(t, id)
	_, err = j.Client.StopQuery(t.Context(), &cloudwatchlogs.StopQueryInput{QueryId: id})
	awstest.WantCode(t, err, "InvalidParameterException")
	_, err = j.Client.StopQuery(t.Context(), &cloudwatchlogs.StopQueryInput{QueryId: aws.String("none")})
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func TestStoppingEndsTheWork(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	ended := make(chan bool)
	stack.SetLogSource(logGroup, "a.0", func(from, _ time.Time, yield func(localaws.Event) bool) {
		defer close(ended)
		for yield(localaws.Event{Time: from, Message: "one of infinitely many"}) {
		}
	})
	id, err := j.Begin(t, `stats count(*) as n`)
	if err != nil {
		t.Fatal(err)
	}
	if out := j.Poll(t, id); out.Status != types.QueryStatusRunning {
		t.Errorf("%s, want Running", out.Status)
	}
	if _, err := j.Client.StopQuery(t.Context(), &cloudwatchlogs.StopQueryInput{QueryId: id}); err != nil {
		t.Fatal(err)
	}
	<-ended
}

func TestUndocumentedQueryFails(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	appendSeconds(stack, "a.0", "user=ann", "nobody")
	_, err := j.Begin(t, `filter @message like /a.b/`)
	awstest.WantCode(t, err, "MalformedQueryException")
	out := j.Query(t, `parse @message /user=(?<user>\w+)/ | filter user != "ann"`)
	if out.Status != types.QueryStatusFailed || len(out.Results) != 0 {
		t.Errorf("%+v", out)
	}
	if all := stack.LogQueries(); len(all) != 1 || !strings.Contains(all[0].Fault, "a negated comparison with an absent field") {
		t.Errorf("queries %+v", all)
	}
}

func TestQueriesOfMaskedGroups(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	stack.SetLogGroup(logGroup, localaws.LogGroup{Protection: activated("")})
	appendSeconds(stack, "a.0", "user=x@y.z")
	if got := awstest.Shown(j.Query(t, `stats count(*) as n by @message`).Results); !slices.Equal(got, []string{"@message=user=***** n=1"}) {
		t.Errorf("masked: %q", got)
	}
	const unmasking = `fields unmask(@message) as m | stats count(*) as n by m`
	if got := awstest.Shown(j.Query(t, unmasking).Results); !slices.Equal(got, []string{"m=user=x@y.z n=1"}) {
		t.Errorf("unmasked: %q", got)
	}
	stack.DenyUnmask(true)
	_, err := j.Begin(t, unmasking)
	awstest.WantCode(t, err, "AccessDeniedException")
	stack.DenyUnmask(false)
	stack.SetLogGroup(logGroup, localaws.LogGroup{Class: types.LogGroupClassInfrequentAccess})
	_, err = j.Begin(t, unmasking)
	awstest.WantCode(t, err, "MalformedQueryException")
}

func TestClassesThatCanBeQueried(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	appendSeconds(stack, "a.0", "a")
	const thrice = `stats count(*) as a | stats max(a) as b | stats max(b) as c`
	if got := awstest.Shown(j.Query(t, thrice).Results); !slices.Equal(got, []string{"c=1"}) {
		t.Errorf("got %q", got)
	}
	stack.SetLogGroup(logGroup, localaws.LogGroup{Class: types.LogGroupClassInfrequentAccess})
	if got := awstest.Shown(j.Query(t, `stats count(*) as n`).Results); !slices.Equal(got, []string{"n=1"}) {
		t.Errorf("got %q", got)
	}
	_, err := j.Begin(t, thrice)
	awstest.WantCode(t, err, "MalformedQueryException")
	stack.SetLogGroup(logGroup, localaws.LogGroup{Class: types.LogGroupClassDelivery})
	_, err = j.Begin(t, `stats count(*) as n`)
	awstest.WantCode(t, err, "InvalidOperationException")
}

func TestWhatQueriesCannotSee(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	var now atomic.Int64
	now.Store(90_000)
	stack.SetLogClock(func() time.Time { return time.Unix(now.Load(), 0) })
	stack.AppendLog(logGroup, "a.0", localaws.Event{Time: time.Unix(10, 0), Message: "before the group"},
		localaws.Event{Time: time.Unix(80_000, 0), Message: "old", Ingested: time.Unix(80_000, 0)}, localaws.Event{Time: time.Unix(89_000, 0), Message: "fresh", Ingested: time.Unix(89_990, 0)})
	stack.SetLogGroup(logGroup, localaws.LogGroup{Created: time.Unix(70_000, 0)})
	stack.SetLogLimits(localaws.LogLimits{QueryLag: time.Minute})
	now.Store(90_040)
	if got := awstest.Shown(j.Query(t, `stats count(*) as n by @message`).Results); !slices.Equal(got, []string{"@message=old n=1"}) {
		t.Errorf("50 s after it arrived: %q", got)
	}
	now.Store(90_050)
	if got := awstest.Shown(j.Query(t, `stats count(*) as n by @message`).Results); !slices.Equal(got, []string{"@message=fresh n=1", "@message=old n=1"}) {
		t.Errorf("60 s after it arrived: %q", got)
	}
	stack.SetLogGroup(logGroup, localaws.LogGroup{Created: time.Unix(200_000, 0)})
	_, err := j.Begin(t, `stats count(*) as n`)
	awstest.WantCode(t, err, "MalformedQueryException")
}

func TestQueryRequestsThatContradictThemselves(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	appendSeconds(stack, "a.0", "a")
	text, from, to := aws.String(`fields @message`), aws.Int64(0), aws.Int64(10)
	for name, test := range map[string]struct {
		in   cloudwatchlogs.StartQueryInput
		code string
	}{
		"no group":       {cloudwatchlogs.StartQueryInput{QueryString: text, StartTime: from, EndTime: to}, "InvalidParameterException"},
		"name and names": {cloudwatchlogs.StartQueryInput{LogGroupName: j.Group, LogGroupNames: []string{logGroup}, QueryString: text, StartTime: from, EndTime: to}, "InvalidParameterException"},
		"unknown group":  {cloudwatchlogs.StartQueryInput{LogGroupName: aws.String("none"), QueryString: text, StartTime: from, EndTime: to}, "ResourceNotFoundException"},
		"limit":          {cloudwatchlogs.StartQueryInput{LogGroupName: j.Group, QueryString: text, StartTime: from, EndTime: to, Limit: aws.Int32(100_001)}, "InvalidParameterException"},
		"end before":     {cloudwatchlogs.StartQueryInput{LogGroupName: j.Group, QueryString: text, StartTime: to, EndTime: from}, "MalformedQueryException"},
		"not a query":    {cloudwatchlogs.StartQueryInput{LogGroupName: j.Group, QueryString: aws.String("select 1"), StartTime: from, EndTime: to}, "MalformedQueryException"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := j.Client.StartQuery(t.Context(), &test.in)
			awstest.WantCode(t, err, test.code)
		})
	}
}

func TestRecordOfAPointer(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	stack.SetLogGroup(logGroup, localaws.LogGroup{Protection: activated("")})
	long := strings.Repeat("x", 2000) + " x@y.z"
	appendSeconds(stack, "a.0", "first", long)
	row := j.Query(t, `fields @message | limit 1`).Results[0]
	if *row[0].Value != long[:1000] || *row[1].Field != "@ptr" {
		t.Fatalf("%+v", awstest.Shown([][]types.ResultField{row}))
	}
	for unmask, want := range map[bool]string{false: strings.Replace(long, "x@y.z", "*****", 1), true: long} {
		out, err := j.Client.GetLogRecord(t.Context(), &cloudwatchlogs.GetLogRecordInput{LogRecordPointer: row[1].Value, Unmask: unmask})
		if err != nil || out.LogRecord["@message"] != want || out.LogRecord["@timestamp"] != "2000" || out.LogRecord["@logStream"] != "a.0" {
			t.Errorf("unmask %v: %v, %v", unmask, out, err)
		}
	}
	stack.DenyUnmask(true)
	_, err := j.Client.GetLogRecord(t.Context(), &cloudwatchlogs.GetLogRecordInput{LogRecordPointer: row[1].Value, Unmask: true})
	awstest.WantCode(t, err, "AccessDeniedException")
	_, err = j.Client.GetLogRecord(t.Context(), &cloudwatchlogs.GetLogRecordInput{LogRecordPointer: aws.String("none")})
	awstest.WantCode(t, err, "InvalidParameterException")
}
