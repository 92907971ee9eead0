package logread_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/logread"
)

// Every event of the stretch is given once, also at the edges of its parts, and none beyond.
func TestEventsAreGivenOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.SetLogLimits(localaws.LogLimits{PageEvents: 10, EmptyPages: 1})
	const length = 5*time.Hour + 50*time.Minute
	want := map[string]bool{}
	for minute := 0; minute <= 6*60; minute += 10 {
		for _, ms := range []int{-1, 0, 1} {
			at := begin.Add(time.Duration(minute)*time.Minute + time.Duration(ms)*time.Millisecond)
			s.write("a.0", at, at.String())
			want[at.String()] = !at.Before(begin) && at.Before(begin.Add(length))
		}
	}
	sink := s.read(t, logread.FilterLogEvents, length)
	for _, e := range sink.events {
		if !want[e.Message] {
			t.Errorf("event %q is given twice, or beyond the stretch", e.Message)
		}
		want[e.Message] = false
		if e.Stream != "a.0" || e.Ingested-e.At != 1000 {
			t.Errorf("event %+v", e)
		}
	}
	for message, missing := range want {
		if missing {
			t.Errorf("event %q is not given", message)
		}
	}
	if n := len(sink.parts); n < 2 || !sink.parts[n-1].Equal(begin.Add(length)) {
		t.Errorf("parts end at %v", sink.parts)
	}
}

// A slice that takes too long is left for shorter ones: of what it held every event is given once, and what comes late meanwhile too.
func TestLongSliceIsLeft(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.SetLogLimits(localaws.LogLimits{PageEvents: 10})
	const length = 36 * time.Hour
	var asked sync.Mutex // requests are, and some go on when nobody waits for them any more
	want := map[string]bool{}
	write := func(stream string, at time.Time) {
		s.write(stream, at, stream+at.String())
		want[stream+at.String()] = true
	}
	for n := range 150 { // a quiet night, then as many events in two minutes
		write("a.0", begin.Add(time.Duration(n)*6*time.Minute))
		write(fmt.Sprintf("b.%d", n%3), begin.Add(20*time.Hour+time.Duration(n)*800*time.Millisecond))
	}
	requests := 0
	s.Intercept(func(c localaws.Call) localaws.Outcome {
		asked.Lock()
		defer asked.Unlock()
		if c.Operation == "FilterLogEvents" {
			if requests++; requests%10 == 0 && requests <= 50 { // while the first reading is far from there
				write("late.0", begin.Add(length-time.Duration(requests)*time.Second))
			}
		}
		return localaws.Pass
	})
	reader := logread.Impatient(logread.New(logread.FilterLogEvents, s.client, logread.Options{Region: "us-east-1", Pace: logread.Pace{First: 1000, Most: 1000}}), 0)
	for range 2 { // a second reading with the same reader gives all again
		sink := newNotes()
		if err := reader.Read(t.Context(), s.group(t), begin, begin.Add(length), sink); err != nil {
			t.Fatal(err)
		}
		given := map[string]int{}
		for _, e := range sink.events {
			given[e.Message]++
		}
		asked.Lock()
		for message := range want {
			if given[message] != 1 {
				t.Errorf("event %q is given %d times", message, given[message])
			}
		}
		asked.Unlock()
		// The lengths of slices that are never left double: nine would do.
		if n := len(sink.parts); n < 20 || !slices.IsSortedFunc(sink.parts, time.Time.Compare) || !sink.parts[n-1].Equal(begin.Add(length)) {
			t.Errorf("parts end at %v", sink.parts)
		}
	}
}

// An answer whose connection is reset is asked for again, and what it had brought is given once.
func TestBrokenAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	var events []string
	for n := range 1000 {
		events = append(events, fmt.Sprintf(`{"logStreamName":"a.0","timestamp":1,"ingestionTime":1,"message":"%d %s"}`, n, strings.Repeat("x", 100)))
	}
	answer := `{"events":[` + strings.Join(events, ",") + `]}`
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		if requests++; requests > 1 {
			_, _ = io.WriteString(w, answer)
			return
		}
		_, _ = io.WriteString(w, answer[:len(answer)*2/3])
		_ = http.NewResponseController(w).Flush()
		if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = connection.(*net.TCPConn).SetLinger(0)
			_ = connection.Close()
		}
	}))
	defer server.Close()
	client := cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: &server.URL, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	sink := newNotes()
	err := logread.New(logread.FilterLogEvents, client, logread.Options{}).Read(t.Context(),
		logread.Group{Name: groupName, Class: types.LogGroupClassStandard}, begin, begin.Add(time.Minute), sink)
	if err != nil || requests < 2 || len(sink.events) != len(events) {
		t.Errorf("%d requests gave %d events, %v", requests, len(sink.events), err)
	}
}

func TestThrottledReadingGoesOn(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.write("a.0", begin, "x")
	requests := 0
	s.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation != "FilterLogEvents" {
			return localaws.Pass
		}
		if requests++; requests <= 2 {
			return localaws.Throttle
		}
		return localaws.Pass
	})
	reader := s.reader(logread.FilterLogEvents, time.Time{})
	sink := newNotes()
	if err := reader.Read(t.Context(), s.group(t), begin, begin.Add(time.Minute), sink); err != nil || len(sink.events) != 1 {
		t.Fatalf("%d events, %v", len(sink.events), err)
	}
	if got := reader.Usage(); got != (logread.Usage{Bytes: 1, Requests: 3}) {
		t.Errorf("used %+v, want 3 requests and 1 byte", got)
	}
}

func TestReadingStopsWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	for _, way := range []logread.Way{logread.FilterLogEvents, logread.LogsInsights} {
		s := newScene(t, localaws.LogGroup{})
		s.write("a.0", begin, "x")
		group := s.group(t)
		s.ResetCalls()
		sink := newNotes()
		err := s.reader(way, time.Now().Add(-time.Second)).Read(t.Context(), group, begin, begin.Add(time.Hour), sink)
		if !errors.Is(err, logread.ErrOutOfTime) || len(sink.parts) > 0 {
			t.Errorf("%s: %v after the parts %v", way, err, sink.parts)
		}
		if calls := s.Calls(); len(calls) > 0 {
			t.Errorf("%s: calls %+v", way, calls)
		}
	}
}

// The time may end while a request is under way, too.
func TestReadingStopsInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	s.write("a.0", begin, "x")
	group := s.group(t)
	s.Intercept(func(localaws.Call) localaws.Outcome { return localaws.Delay(time.Minute) })
	err := s.reader(logread.FilterLogEvents, time.Now().Add(300*time.Millisecond)).Read(t.Context(), group, begin, begin.Add(time.Hour), newNotes())
	if !errors.Is(err, logread.ErrOutOfTime) {
		t.Errorf("got %v", err)
	}
}

func TestSinkEndsTheReading(t *testing.T) {
	t.Parallel()
	for _, way := range []logread.Way{logread.FilterLogEvents, logread.LogsInsights} {
		s := newScene(t, localaws.LogGroup{})
		s.write("a.0", begin, "x")
		sink := newNotes()
		sink.fault = errors.New("the table is gone")
		err := s.reader(way, time.Time{}).Read(t.Context(), s.group(t), begin, begin.Add(30*24*time.Hour), sink)
		if err != sink.fault || len(sink.parts) != 1 {
			t.Errorf("%s: %v after the parts %v, want the sink's own error after one", way, err, sink.parts)
		}
	}
}

// Each refusal says which group, what to allow, and what AWS answered.
func TestRefusedCallsSayWhatToAllow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		way       logread.Way
		operation string
	}{
		{logread.FilterLogEvents, "FilterLogEvents"},
		{logread.LogsInsights, "StartQuery"},
		{logread.LogsInsights, "GetQueryResults"},
	} {
		s := newScene(t, localaws.LogGroup{})
		s.write("a.0", begin, "x")
		group := s.group(t)
		s.Intercept(func(call localaws.Call) localaws.Outcome {
			if call.Operation == c.operation {
				return localaws.Fail("AccessDeniedException", 400)
			}
			return localaws.Pass
		})
		sink := newNotes()
		err := s.reader(c.way, time.Time{}).Read(t.Context(), group, begin, begin.Add(time.Hour), sink)
		for _, part := range []string{fmt.Sprintf("%q", groupName), "AccessDeniedException", "Injected by the test.", "allow", "logs:" + c.operation} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %s in it", c.operation, err, part)
			}
		}
		if len(sink.parts) > 0 {
			t.Errorf("%s: parts %v", c.operation, sink.parts)
		}
	}
}

func TestRefusedUnmaskingIsAnError(t *testing.T) {
	t.Parallel()
	for _, way := range []logread.Way{logread.FilterLogEvents, logread.LogsInsights} {
		for name, p := range map[string]localaws.DataProtection{
			"policy":        {Status: types.DataProtectionStatusActivated, Sensitive: []*regexp.Regexp{regexp.MustCompile("x")}},
			"former policy": {Status: types.DataProtectionStatusDeleted},
		} {
			s := newScene(t, localaws.LogGroup{Protection: p})
			s.write("a.0", begin, "x")
			s.DenyUnmask(true)
			sink := newNotes()
			err := s.reader(way, time.Time{}).Read(t.Context(), s.group(t), begin, begin.Add(time.Hour), sink)
			if err == nil || !strings.Contains(err.Error(), "logs:Unmask") || len(sink.events) > 0 || len(sink.Rows()) > 0 {
				t.Errorf("%s, %s: %v, %d events", way, name, err, len(sink.events))
			}
		}
	}
}

func TestGroupThatVanished(t *testing.T) {
	t.Parallel()
	s := newScene(t, localaws.LogGroup{})
	group := s.group(t)
	group.Name = "/aws/rds/cluster/other/postgresql"
	for _, way := range []logread.Way{logread.FilterLogEvents, logread.LogsInsights} {
		err := s.reader(way, time.Time{}).Read(t.Context(), group, begin, begin.Add(time.Hour), newNotes())
		if !errors.Is(err, logread.ErrNoGroup) || !strings.Contains(err.Error(), group.Name) {
			t.Errorf("%s: %v", way, err)
		}
	}
	if _, err := logread.Describe(t.Context(), s.client, group.Name); !errors.Is(err, logread.ErrNoGroup) {
		t.Errorf("described as %v", err)
	}
}
