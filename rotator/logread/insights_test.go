package logread_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/logread"
)

// logins stores a login of each of n roles, a minute after another from begin on.
func (s scene) logins(n int) {
	for i := range n {
		at := begin.Add(time.Duration(i) * time.Minute)
		s.write("a.0", at.Add(time.Second), strings.ReplaceAll(plain, "alice", fmt.Sprint("role", i))+
			"LOG:  connection authorized: user=x database=app")
	}
}

// What queries give is used once they are complete only, page by page, and what they scan is counted.
func TestRowsOfCompleteQueries(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.logins(30)
	s.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome {
		return localaws.QueryOutcome{ScheduledPolls: 1, RunningPolls: 1}
	})
	reader, sink := s.reader(logread.LogsInsights, time.Time{}), newNotes()
	if err := reader.Read(t.Context(), s.group(t), begin, begin.Add(time.Hour), sink); err != nil {
		t.Fatal(err)
	}
	rows := sink.Rows()
	if len(rows) != 30 {
		t.Errorf("%d rows, want 30", len(rows))
	}
	for _, r := range rows {
		if r.Class != logread.Login || r.Count != 1 || r.Earliest != r.Latest || r.Delay != 1000 || r.Stream != "a.0" {
			t.Errorf("row %+v", r)
		}
	}
	usage := reader.Usage()
	if usage.Requests != 4 || usage.Bytes < 30*100 || usage.Bytes > 30*200 {
		t.Errorf("used %+v, want StartQuery, three GetQueryResults and the bytes of 30 logins", usage)
	}
}

// A query covers a week at most, and each one's rows are handed over before the next begins.
func TestPiecesOfAWeek(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.write("a.0", begin.Add(20*day), plain+"ERROR:  x")
	sink := s.read(t, logread.LogsInsights, 20*day+time.Hour)
	want := []time.Time{begin.Add(7 * day), begin.Add(14 * day), begin.Add(20*day + time.Hour)}
	if fmt.Sprint(sink.parts) != fmt.Sprint(want) {
		t.Errorf("parts end at %v, want %v", sink.parts, want)
	}
	for i, q := range s.LogQueries() {
		if !q.To.Equal(want[i]) || q.Text != logread.Query(false) {
			t.Errorf("query to %s: %s", q.To, q.Text)
		}
	}
	if len(sink.Rows()) != 1 {
		t.Errorf("rows %+v", sink.Rows())
	}
}

func TestNothingIsAskedBeforeTheGroupWasMade(t *testing.T) {
	t.Parallel()
	created := begin.Add(30*day + 500*time.Millisecond)
	s := newScene(t, localaws.LogGroup{Created: created})
	s.write("a.0", created.Add(time.Hour), plain+"ERROR:  x")
	sink := s.read(t, logread.LogsInsights, 32*day)
	if q := s.LogQueries(); len(q) != 1 || !q[0].From.Equal(begin.Add(30*day)) || len(sink.Rows()) != 1 {
		t.Errorf("queries %+v, rows %+v", q, sink.Rows())
	}
	before := newNotes()
	if err := s.reader(logread.LogsInsights, time.Time{}).Read(t.Context(), s.group(t), begin, begin.Add(day), before); err != nil || len(before.Rows()) > 0 {
		t.Errorf("%v, rows %+v", err, before.Rows())
	}
}

// A query that has too much to read, or to tell, is asked again for half of the time.
func TestTooMuchIsHalved(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]localaws.QueryOutcome{
		"to read": {Status: types.QueryStatusTimeout},
		"to tell": {Alter: tooManyRows},
	} {
		s := newScene(t, localaws.LogGroup{})
		s.logins(120)
		s.DecideQueries(func(q localaws.LogQuery) localaws.QueryOutcome {
			if q.To.Sub(q.From) > time.Hour {
				return outcome
			}
			return localaws.QueryOutcome{}
		})
		sink := s.read(t, logread.LogsInsights, 2*time.Hour)
		if len(sink.Rows()) != 120 || len(sink.parts) != 2 {
			t.Errorf("too much %s: %d rows in parts to %v, want 120 in 2 of an hour", name, len(sink.Rows()), sink.parts)
		}
	}
}

// tooManyRows fills an answer up to the most that a query gives.
func tooManyRows(out *cloudwatchlogs.GetQueryResultsOutput) {
	if len(out.Results) == 0 {
		return
	}
	row := out.Results[0]
	for len(out.Results) < 100_000 {
		out.Results = append(out.Results, row)
	}
	out.Statistics.RecordsMatched = 100_000
}

// Any role can write, by RAISE LOG, what makes a row each: it keeps no minute from being read, and slows down no others.
func TestWhatARoleMultipliesIsFolded(t *testing.T) {
	t.Parallel()
	const minutes = 120
	s := newScene(t, localaws.LogGroup{})
	flood := begin.Add(90 * time.Second)
	for n := range 20 {
		s.write("a.0", flood, fmt.Sprintf("%s UTC:10.0.0.7(4000):eve@app:[9]:LOG:  connection authorized: user=eve database=app application_name=pgrotator-sweep-%d", flood.Format(time.DateTime), n))
		s.write("a.0", flood, fmt.Sprintf("%s UTC::@:[9]:LOG:  received %d", flood.Format(time.DateTime), n))
	}
	s.write("a.0", flood, flood.Format(time.DateTime)+" UTC:10.0.0.7(4001):alice@app:[10]:ERROR:  division by zero")
	s.DecideQueries(func(q localaws.LogQuery) localaws.QueryOutcome {
		if q.From.After(flood) || q.To.Before(flood) || !strings.Contains(q.Text, "canary") {
			return localaws.QueryOutcome{}
		}
		return localaws.QueryOutcome{Status: types.QueryStatusTimeout}
	})
	sink := s.read(t, logread.LogsInsights, minutes*time.Minute)
	rows := byKind(sink.Rows())
	for kind, count := range map[logread.Kind]int64{
		{Stream: "a.0", Class: logread.Login, Names: "eve@app", Severity: "LOG"}:     20,
		{Stream: "a.0", Class: logread.Other, Names: "@", Severity: "LOG"}:           20,
		{Stream: "a.0", Class: logread.Other, Names: "alice@app", Severity: "ERROR"}: 1,
	} {
		if rows[kind].Count != count {
			t.Errorf("%+v stands for %d events, want %d", kind, rows[kind].Count, count)
		}
	}
	if queries := len(s.LogQueries()); len(rows) != 3 || queries > 40 {
		t.Errorf("rows %+v after %d queries", rows, queries)
	}
}

func TestTooMuchInAMinuteIsAnError(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.logins(1)
	s.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome {
		return localaws.QueryOutcome{Status: types.QueryStatusTimeout}
	})
	sink := newNotes()
	err := s.reader(logread.LogsInsights, time.Time{}).Read(t.Context(), s.group(t), begin, begin.Add(4*time.Minute), sink)
	if err == nil || !strings.Contains(err.Error(), "2026-11-22T07:00:00Z to 2026-11-22T07:01:00Z") || !strings.Contains(err.Error(), "Timeout") {
		t.Errorf("got %v", err)
	}
	if len(sink.Rows()) > 0 || len(sink.parts) > 0 {
		t.Errorf("rows %+v in parts to %v", sink.Rows(), sink.parts)
	}
}

// A result that is not whole, or not understood, is an error, and nothing of it is used.
func TestResultsThatAreNotWhole(t *testing.T) {
	t.Parallel()
	field := func(row int, name string, value *string) func(*cloudwatchlogs.GetQueryResultsOutput) {
		return func(out *cloudwatchlogs.GetQueryResultsOutput) {
			for i, f := range out.Results[row] {
				if aws.ToString(f.Field) == name {
					out.Results[row][i].Value = value
				}
			}
		}
	}
	for want, alter := range map[string]func(*cloudwatchlogs.GetQueryResultsOutput){
		"are about 2 events, and 3 matched": func(out *cloudwatchlogs.GetQueryResultsOutput) { out.Results = out.Results[1:] },
		"are about 0 events, and 3 matched": func(out *cloudwatchlogs.GetQueryResultsOutput) { out.Results = nil },
		"are about 4 events, and 3 matched": func(out *cloudwatchlogs.GetQueryResultsOutput) { out.Results = append(out.Results, out.Results[0]) },
		"no statistics":                     func(out *cloudwatchlogs.GetQueryResultsOutput) { out.Statistics = nil },
		"has no who":                        field(1, "who", nil),
		"has no what":                       field(2, "what", aws.String("")),
		"has no @logStream":                 field(0, "@logStream", nil),
		`entries "many"`:                    field(1, "entries", aws.String("many")),
		`newest ""`:                         field(1, "newest", nil),
		`slowest "NULL"`:                    field(1, "slowest", aws.String("NULL")),
		`pids ""`:                           field(1, "pids", nil),
	} {
		s := newScene(t, localaws.LogGroup{})
		s.logins(3)
		s.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome { return localaws.QueryOutcome{Alter: alter} })
		sink := newNotes()
		err := s.reader(logread.LogsInsights, time.Time{}).Read(t.Context(), s.group(t), begin, begin.Add(time.Hour), sink)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), groupName) {
			t.Errorf("got %v, want %s in it", err, want)
		}
		if len(sink.Rows()) > 0 || len(sink.parts) > 0 {
			t.Errorf("%s: rows %+v in parts to %v", want, sink.Rows(), sink.parts)
		}
	}
}

func TestNumbersInOtherForms(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.logins(1)
	s.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome {
		return localaws.QueryOutcome{Alter: func(out *cloudwatchlogs.GetQueryResultsOutput) {
			for i, f := range out.Results[0] {
				if name := aws.ToString(f.Field); name == "newest" || name == "oldest" {
					out.Results[0][i].Value = aws.String("1.795331001E12")
				} else if name == "entries" {
					out.Results[0][i].Value = aws.String("1.0")
				}
			}
		}}
	})
	if rows := s.read(t, logread.LogsInsights, time.Hour).Rows(); len(rows) != 1 || rows[0].Count != 1 || rows[0].Latest != 1_795_331_001_000 {
		t.Errorf("rows %+v", rows)
	}
}

func TestQueriesThatDoNotComplete(t *testing.T) {
	t.Parallel()
	for _, status := range []types.QueryStatus{types.QueryStatusFailed, types.QueryStatusCancelled, types.QueryStatusUnknown} {
		s := newScene(t, localaws.LogGroup{})
		s.logins(3)
		s.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome { return localaws.QueryOutcome{Status: status} })
		sink := newNotes()
		err := s.reader(logread.LogsInsights, time.Time{}).Read(t.Context(), s.group(t), begin, begin.Add(time.Hour), sink)
		if err == nil || !strings.Contains(err.Error(), string(status)) || !strings.Contains(err.Error(), s.LogQueries()[0].ID) || len(sink.Rows()) > 0 {
			t.Errorf("%s: %v", status, err)
		}
	}
}

// A query that is still running when the time is up is stopped, and its partial rows are not used.
func TestRunningQueryIsStopped(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.logins(3)
	s.SetLogLimits(localaws.LogLimits{ConcurrentQueries: 1})
	s.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome { return localaws.QueryOutcome{Endless: true} })
	reader, sink := s.reader(logread.LogsInsights, time.Now().Add(time.Second)), newNotes()
	err := reader.Read(t.Context(), s.group(t), begin, begin.Add(time.Hour), sink)
	if !errors.Is(err, logread.ErrOutOfTime) || len(sink.Rows()) > 0 {
		t.Errorf("%v, rows %+v", err, sink.Rows())
	}
	if reader.Usage().Bytes == 0 {
		t.Error("what the stopped query scanned is not counted")
	}
	s.DecideQueries(nil)
	if rows := s.read(t, logread.LogsInsights, time.Hour).Rows(); len(rows) != 3 {
		t.Errorf("the stopped query still takes its place: rows %+v", rows)
	}
}

func TestRefusedStoppingIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.logins(1)
	s.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome { return localaws.QueryOutcome{Endless: true} })
	s.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation == "StopQuery" {
			return localaws.Fail("AccessDeniedException", 400)
		}
		return localaws.Pass
	})
	err := s.reader(logread.LogsInsights, time.Now().Add(time.Second)).Read(t.Context(), s.group(t), begin, begin.Add(time.Hour), newNotes())
	if !errors.Is(err, logread.ErrOutOfTime) || !strings.Contains(err.Error(), `logs:StopQuery on "*"`) || !strings.Contains(err.Error(), groupName) {
		t.Errorf("got %v", err)
	}
}

// Where all places are taken the query waits for one as long as there is time.
func TestNoPlaceForAQuery(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation == "StartQuery" {
			return localaws.Fail("LimitExceededException", 400)
		}
		return localaws.Pass
	})
	err := s.reader(logread.LogsInsights, time.Now().Add(time.Second)).Read(t.Context(), s.group(t), begin, begin.Add(time.Hour), newNotes())
	if !errors.Is(err, logread.ErrOutOfTime) {
		t.Errorf("got %v", err)
	}
}

func TestClassesThatAWayDoesNotRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		way   logread.Way
		group logread.Group
		want  string
	}{
		{logread.FilterLogEvents, logread.Group{Name: "g", Class: types.LogGroupClassInfrequentAccess}, `"g" is of class INFREQUENT_ACCESS`},
		{logread.FilterLogEvents, logread.Group{Name: "g", Class: types.LogGroupClassDelivery}, `"g" is of class DELIVERY`},
		{logread.LogsInsights, logread.Group{Name: "g", Class: types.LogGroupClassDelivery}, `"g" is of class DELIVERY`},
		{logread.LogsInsights, logread.Group{Name: "g", Class: types.LogGroupClassInfrequentAccess, Protected: true}, "masks"},
	} {
		s := newScene(t, localaws.LogGroup{})
		err := s.reader(c.way, time.Time{}).Read(t.Context(), c.group, begin, begin.Add(time.Hour), newNotes())
		if err == nil || !strings.Contains(err.Error(), c.want) || len(s.Calls()) > 0 {
			t.Errorf("%s of %s: %v after %+v", c.way, c.group.Class, err, s.Calls())
		}
	}
}

func TestInfrequentAccessIsReadByLogsInsights(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{Class: types.LogGroupClassInfrequentAccess})
	s.logins(3)
	if rows := s.read(t, logread.LogsInsights, time.Hour).Rows(); len(rows) != 3 {
		t.Errorf("rows %+v", rows)
	}
}
