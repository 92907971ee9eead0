package sweep_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/jackc/pgx/v5/pgproto3"

	"pgrotator/rotator/internal/localaws"
)

// expects has the sweep expect that many bytes an hour of log.
func (s *stage) expects(bytesPerHour float64) {
	s.t.Helper()
	s.exec("UPDATE user_login_job_status SET streams = jsonb_set(streams, '{bytesPerHour}', to_jsonb($1::float8))", bytesPerHour)
}

const (
	// secondByQuery is a log of which what is new since a moment ago is read whole, and read a second time by queries.
	secondByQuery = 6e10
	// bothByQuery is a log of which even that is more than can be read whole.
	bothByQuery = 1e16
)

// A first reading that understands nothing of what people do: whoever the second finds active is spared.
func TestSecondReadingSpares(t *testing.T) {
	t.Parallel()
	noEnd := func(e localaws.Event) bool {
		return strings.Contains(e.Message, "beset@") && strings.Contains(e.Message, "disconnection")
	}
	onBoth(t, localaws.PublishOptions{Drop: noEnd}, func(t *testing.T, s *stage) {
		s.options.Lag = 0 // the second reading ends where the evidence does, a lag before the run
		s.settle()
		s.expects(secondByQuery)
		idle, busy, early, beset := s.closable("idle", 100), s.closable("busy", 100), s.closable("early", 10), s.closable("beset", 10)
		since := time.Now().Add(-2 * time.Second)
		s.visit(busy)
		s.visit(early)
		s.visit(beset)
		s.crowdOut(beset)
		s.stack.SetLogLimits(localaws.LogLimits{Withhold: func(e localaws.Event) bool {
			return strings.Contains(e.Message, busy+"@") || strings.Contains(e.Message, early+"@") || strings.Contains(e.Message, beset+"@")
		}})
		report := s.run()
		s.closes(report, idle)
		if len(report.Spared) != 1 || report.Spared[0].User != busy || report.Spared[0].Instance != s.prefix || report.Spared[0].Kind == "" || report.Spared[0].At.Before(since) {
			t.Errorf("spared %+v, want %s alone, which was due", report.Spared, busy)
		}
		if report.Evidence.Reader != "FilterLogEvents" || report.Evidence.SecondReading.Reader != "LogsInsights" {
			t.Errorf("read by %q and %q", report.Evidence.Reader, report.Evidence.SecondReading.Reader)
		}
		if first, second := report.Evidence.Why, report.Evidence.SecondReading.Why; !strings.Contains(first, "can be read whole") || !strings.Contains(second, "are expected") {
			t.Errorf("the report says why so: %q and %q", first, second)
		}
		for _, name := range []string{busy, early, beset} {
			if last := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", name); last.Before(since) {
				t.Errorf("%s is remembered as active at %s, want after %s", name, last, since)
			}
		}
		if again := s.run(); len(again.Locked)+len(again.Spared) > 0 {
			t.Errorf("the next run: locked %q, spared %+v", closedUsers(again.Locked), again.Spared)
		}
	})
}

// crowdOut has a stranger without credentials take all slots for replication under a role's name, and be refused three times.
func (s *stage) crowdOut(name string) {
	s.t.Helper()
	for refused := 0; refused < 3; {
		conn, err := net.Dial("tcp", net.JoinHostPort(s.server.Host(), strconv.Itoa(s.server.Port())))
		if err != nil {
			s.t.Fatal(err)
		}
		defer conn.Close()
		frontend := pgproto3.NewFrontend(conn, conn)
		frontend.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": name, "replication": "true"}})
		if err := frontend.Flush(); err != nil {
			s.t.Fatal(err)
		}
		answer, err := frontend.Receive()
		if err != nil {
			s.t.Fatal(err)
		}
		if fault, ok := answer.(*pgproto3.ErrorResponse); ok {
			if refused++; !strings.Contains(fault.Message, "max_wal_senders") {
				s.t.Fatalf("refused as %q", fault.Message)
			}
		}
	}
}

// A run that ends in the middle of the second reading has stored what it had covered, and whom it had found there.
func TestSecondReadingIsStoredPieceByPiece(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.Lag = 0 // what it covers goes on to the run's beginning
	s.settle()
	s.expects(secondByQuery)
	s.stack.SetLogGroup(s.group, localaws.LogGroup{Created: time.Now().Add(-400 * 24 * time.Hour)})
	s.exec("UPDATE user_login_job_status SET streams = jsonb_set(jsonb_set(streams, '{second,from}', to_jsonb(now() - interval '1 hour')), '{second,to}', to_jsonb(now() - interval '1 hour'))")
	busy := s.closable("busy", 100)
	since := time.Now().Add(-2 * time.Second)
	s.visit(busy)
	s.stack.SetLogLimits(localaws.LogLimits{Withhold: func(e localaws.Event) bool { return strings.Contains(e.Message, busy+"@") }})
	s.flush()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var begun atomic.Int64
	s.stack.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation == "StartQuery" && begun.Add(1) == 2 {
			end()
		}
		return localaws.Pass
	})
	if _, err := s.sweeper().Run(ctx, s.prefix, false); err == nil {
		t.Fatal("the run went on to its end")
	}
	if to := query[time.Time](s, "SELECT (streams #>> '{second,to}')::timestamptz FROM user_login_job_status"); to.Before(since) {
		t.Errorf("the second reading covers up to %s, want after %s", to, since)
	}
	if last := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", busy); last.Before(since) {
		t.Errorf("whom it found is remembered as active at %s, want after %s", last, since)
	}
}

// A log that was thought small, and takes long to be read whole, is read a second time by queries.
func TestSecondReadingOfALogThatHasGrown(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	idle := s.closable("idle", 100)
	s.flush()
	report, err := s.sweeper().Impatient().Run(t.Context(), s.prefix, false)
	if err != nil {
		t.Fatal(err)
	}
	s.closes(report, idle)
	if report.Evidence.Reader != "FilterLogEvents" || report.Evidence.SecondReading.Reader != "LogsInsights" ||
		!strings.Contains(report.Evidence.SecondReading.Why, "took longer than") || report.Evidence.SecondReading.Bytes == 0 {
		t.Errorf("read by %q, and again by %+v", report.Evidence.Reader, report.Evidence.SecondReading)
	}
}

// Where the second reading fails in any way, nobody is locked, until one has succeeded.
func TestSecondReadingThatFails(t *testing.T) {
	t.Parallel()
	none := func(o *cloudwatchlogs.GetQueryResultsOutput) { o.Results = nil }
	for name, c := range map[string]struct {
		outcome   localaws.QueryOutcome
		intercept string // an operation that is refused
		throttled bool
		deadline  time.Duration
	}{
		"finds nothing at all": {outcome: localaws.QueryOutcome{Alter: func(o *cloudwatchlogs.GetQueryResultsOutput) {
			none(o)
			if o.Statistics != nil {
				o.Statistics.RecordsMatched, o.Statistics.RecordsScanned = 0, 0
			}
		}}},
		"gives no rows of those that it counts": {outcome: localaws.QueryOutcome{Alter: none}},
		"is cut short":                          {outcome: localaws.QueryOutcome{Alter: func(o *cloudwatchlogs.GetQueryResultsOutput) { o.Results = o.Results[:len(o.Results)/2] }}},
		"gives rows without a time": {outcome: localaws.QueryOutcome{Alter: func(o *cloudwatchlogs.GetQueryResultsOutput) {
			for n, row := range o.Results {
				o.Results[n] = withoutField(row, "newest")
			}
		}}},
		"gives rows without a prefix": {outcome: localaws.QueryOutcome{Alter: func(o *cloudwatchlogs.GetQueryResultsOutput) {
			for n, row := range o.Results {
				o.Results[n] = withoutField(row, "who")
			}
		}}},
		"tells no statistics":               {outcome: localaws.QueryOutcome{Alter: func(o *cloudwatchlogs.GetQueryResultsOutput) { o.Statistics = nil }}},
		"ends as Failed":                    {outcome: localaws.QueryOutcome{Status: types.QueryStatusFailed}},
		"ends as Cancelled":                 {outcome: localaws.QueryOutcome{Status: types.QueryStatusCancelled}},
		"ends as Unknown":                   {outcome: localaws.QueryOutcome{Status: types.QueryStatusUnknown}},
		"cannot be begun":                   {intercept: "StartQuery"},
		"cannot be asked for":               {intercept: "GetQueryResults"},
		"does not end before the time":      {outcome: localaws.QueryOutcome{Endless: true}, deadline: 20 * time.Second},
		"is throttled until the time is up": {intercept: "StartQuery", throttled: true, deadline: 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, server, localaws.PublishOptions{})
			s.settle()
			s.expects(secondByQuery)
			idle := s.closable("idle", 100)
			s.flush()
			s.stack.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome { return c.outcome })
			var refused atomic.Int64
			s.stack.Intercept(func(call localaws.Call) localaws.Outcome {
				if c.intercept == "" || call.Operation != c.intercept {
					return localaws.Pass
				}
				refused.Add(1)
				if c.throttled {
					return localaws.Throttle
				}
				return localaws.Fail("AccessDeniedException", 400)
			})
			ctx := t.Context()
			if c.deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.deadline)
				defer cancel()
			}
			report, err := s.sweeper().Run(ctx, s.prefix, false)
			if err != nil {
				t.Fatal(err)
			}
			s.closesNobody(report, "second")
			if c.intercept != "" && refused.Load() == 0 {
				t.Errorf("%s was not called", c.intercept)
			}
			s.stack.DecideQueries(nil)
			s.stack.Intercept(nil)
			s.closes(s.run(), idle)
		})
	}
}

func withoutField(row []types.ResultField, name string) []types.ResultField {
	var rest []types.ResultField
	for _, f := range row {
		if *f.Field != name {
			rest = append(rest, f)
		}
	}
	return rest
}

// A stretch that is more than can be read whole is read in rows, first and second: the right roles are locked.
func TestLargeStretchIsReadByQueries(t *testing.T) {
	t.Parallel()
	onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.settle()
		s.expects(bothByQuery)
		idle, busy, worker, refused := s.closable("idle", 100), s.closable("busy", 100), s.closable("worker", 100), s.closable("refused", 100)
		session, err := s.login(worker)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close(t.Context())
		s.visit(busy)
		s.exec("ALTER ROLE " + refused + " CONNECTION LIMIT 0")
		if _, err := s.login(refused); err == nil {
			t.Error("the attempt was let in")
		}
		report := s.run()
		s.closes(report, idle) // a row does not tell which attempt was refused: of a role that may log in, any counts
		if !s.canLogin(refused) {
			t.Errorf("%s is locked", refused)
		}
		if !slices.ContainsFunc(report.Evidence.Notes, func(note string) bool { return strings.HasPrefix(note, "Failed logins were not counted") }) {
			t.Errorf("that failed logins are not counted is not told: %q", report.Evidence.Notes)
		}
		if report.Evidence.Reader != "LogsInsights" || report.Evidence.SecondReading.Reader != "LogsInsights" || report.Evidence.Bytes == 0 {
			t.Errorf("read by %q and %q, %d bytes", report.Evidence.Reader, report.Evidence.SecondReading.Reader, report.Evidence.Bytes)
		}
	})
}
