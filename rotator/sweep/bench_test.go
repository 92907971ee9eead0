package sweep_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/publish"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/sweep"
)

// sweeperEnv has this test binary carry out an errand, and tell what it cost, in a process of its own: the stand-ins' memory is not
// the sweep's.
const sweeperEnv = "SWEEP_TEST_ERRAND"

// errand is one sweep.
type errand struct {
	Reports string // the bucket for what an auditor looks at; "" = none
	Secret  string
	Pace    logread.Pace // of FilterLogEvents
}

// cost is what one sweep took.
type cost struct {
	Events      int
	Reader      string
	Bytes       int64 // by the first reading
	SecondBytes int64
	Wall        time.Duration
	CPU         time.Duration
	PeakRSS     int64 // bytes
}

func sweepAlone() int {
	c, err := carryOut(context.Background(), os.Getenv(sweeperEnv))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func carryOut(ctx context.Context, text string) (c cost, err error) {
	var e errand
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return c, err
	}
	config, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return c, err
	}
	s := sweep.New(secret.NewStore(secretsmanager.NewFromConfig(config)), cloudwatchlogs.NewFromConfig(config), rds.NewFromConfig(config),
		iam.NewFromConfig(config), sweep.Channels{Reports: publish.NewBucket(s3.NewFromConfig(config), publish.Place{Bucket: e.Reports})}, postgres.Opener{}, sweep.Options{LockDays: 90, Lag: benchLag, StateSchema: "public"}, slog.New(slog.NewJSONHandler(io.Discard, nil))).Paced(e.Pace)
	begun := time.Now()
	report, err := s.Run(ctx, e.Secret, false)
	if err != nil {
		return c, err
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return c, err
	}
	peak, err := peakMemory()
	if err != nil {
		return c, err
	}
	c = cost{Reader: report.Evidence.Reader, Bytes: report.Evidence.Bytes, SecondBytes: report.Evidence.SecondReading.Bytes,
		Wall: time.Since(begun), CPU: time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), PeakRSS: peak}
	for _, i := range report.Evidence.Instances {
		c.Events += i.Events
	}
	return c, nil
}

// peakMemory is the largest resident set of this process, in bytes. What getrusage tells begins with that of the process that started
// this one (Linux, exec_mmap in fs/exec.c).
func peakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kilobytes); err != nil {
		return 0, fmt.Errorf("reading VmHWM of /proc/self/status: %w", err)
	}
	return kilobytes << 10, nil
}

// benchLag is INGESTION_LAG_SECONDS of the sweeps measured: the second reading ends so long before the first.
const benchLag = 5 * time.Minute

const unpaced = 1000 // requests a second: the stand-in has no quota unless it is given one

func BenchmarkSweep(b *testing.B) {
	for _, lines := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
			for b.Loop() {
				s := crowd(b, 5000)
				s.refuseQueries()
				s.fill(lastDay(lines, s.loginLine))
				c := s.sweepAlone(b, unpaced)
				if c.Events < lines {
					b.Fatalf("%d events were read of %d", c.Events, lines)
				}
				b.ReportMetric(float64(c.Events)/c.CPU.Seconds(), "lines/cpu-s")
				b.ReportMetric(float64(c.Events)/c.Wall.Seconds(), "lines/s")
				b.ReportMetric(float64(c.PeakRSS)/(1<<20), "peak-MiB")
			}
		})
	}
}

// BenchmarkManyRoles is a sweep of 100,000 roles and hardly a line, which writes them all for an auditor.
func BenchmarkManyRoles(b *testing.B) {
	for b.Loop() {
		s := crowd(b, 100_000)
		s.reports.Bucket = "many-roles"
		s.stack.SetBucket(s.reports.Bucket, localaws.Bucket{})
		s.refuseQueries()
		s.fill(lastDay(1000, s.loginLine))
		c := s.sweepAlone(b, unpaced)
		b.ReportMetric(c.Wall.Seconds(), "s/sweep")
		b.ReportMetric(float64(c.PeakRSS)/(1<<20), "peak-MiB")
	}
}

// mostMemory is what a sweep of 5,000 roles may take, whatever a day of the log holds.
const mostMemory = 64 << 20

// BenchmarkWholeEvents is a sweep of a day of 10 GB through FilterLogEvents in us-east-1, where the quota is 25 requests a second and
// 80 % of it are used. Simulated: one part in 20 of that day is read, at the pace that a sweep comes to in its first 75 s, by a
// stand-in that has that quota; the second reading, a benchmark of its own, is refused.
func BenchmarkWholeEvents(b *testing.B) {
	const day, part = 10e9, 20
	for b.Loop() {
		s := crowd(b, 5000)
		s.refuseQueries()
		s.stack.SetLogLimits(localaws.LogLimits{Quotas: true})
		s.fill(lastDay(int(day/part)/len(s.loginLine(time.Now(), 0)), s.loginLine))
		c := s.sweepAlone(b, 20)
		requests := s.calls("FilterLogEvents")
		b.ReportMetric(float64(requests), "requests")
		b.ReportMetric(float64(c.Bytes)/1e6, "MB")
		b.ReportMetric(float64(requests)/c.Wall.Seconds(), "requests/s")
		b.ReportMetric(c.Wall.Seconds()*day/float64(c.Bytes), "s/10GB")
		s.reportMemory(b, c)
	}
}

// BenchmarkRows is a sweep of a day of 100 GB through Logs Insights. Simulated: four entries of each of 5,000 roles stand for the day,
// so that the rows are as many as they would be; the stand-in tells that it has scanned as many bytes as the day would hold.
func BenchmarkRows(b *testing.B) {
	const day = 100e9
	for b.Loop() {
		s := crowd(b, 5000)
		lines := 4 * 5000
		s.stack.SetLogGroup(s.group, localaws.LogGroup{Created: time.Now().Add(-24 * time.Hour), StoredBytes: day / 10})
		s.scan(day / float64(lines))
		s.fill(lastDay(lines, s.sessionLine))
		c := s.sweepAlone(b, unpaced)
		if c.Reader != string(logread.LogsInsights) {
			b.Fatalf("100 GB were read by %s", c.Reader)
		}
		b.ReportMetric(float64(c.Events), "events")
		b.ReportMetric(float64(s.calls("StartQuery")), "queries")
		b.ReportMetric(float64(s.calls("StartQuery")+s.calls("GetQueryResults")), "requests")
		b.ReportMetric(float64(c.Bytes)/1e9, "GB")
		b.ReportMetric(logread.Dollars(c.Bytes), "$")
		s.reportMemory(b, c)
	}
}

// BenchmarkSecondReading is the second reading of 5,000 roles over 90 days of a log of 1 GB a day: of the first night, and of the second.
// Simulated: four entries of each role a week stand for the log, of which the stand-in tells that it has scanned as many bytes as the
// log would hold; the second night comes by setting what the first has stored back by a day. The group is one that only Logs Insights
// reads; a night's first reading is not counted.
func BenchmarkSecondReading(b *testing.B) {
	const gigabytes, days = 90, 90
	for b.Loop() {
		s := crowd(b, 5000)
		lines := 4 * 5000 * days / 7
		kept := days * 24 * time.Hour
		s.stack.SetLogGroup(s.group, localaws.LogGroup{Class: types.LogGroupClassInfrequentAccess, Created: time.Now().Add(-kept)})
		s.scan(gigabytes * 1e9 / float64(lines))
		s.fill(logOf{time.Now().Add(-kept), time.Now(), lines, s.sessionLine})
		for _, night := range []string{"first", "second"} {
			s.stack.ResetCalls()
			asked := len(s.stack.LogQueries())
			begun := time.Now()
			c := s.sweepAlone(b, unpaced)
			queries := 0
			for _, q := range s.stack.LogQueries()[asked:] {
				if q.To.Before(begun.Add(-benchLag / 2)) { // a first reading goes up to now
					queries++
				}
			}
			b.ReportMetric(float64(queries), night+"-queries")
			b.ReportMetric(float64(c.SecondBytes)/1e9, night+"-GB")
			b.ReportMetric(logread.Dollars(c.SecondBytes), night+"-$")
			b.ReportMetric(float64(c.PeakRSS)/(1<<20), night+"-peak-MiB")
			s.setBack()
		}
	}
}

// crowd is a stage with so many roles, whose log is the benchmark's to fill.
func crowd(b *testing.B, roles int) *stage {
	b.Helper()
	s := newStage(b, pgtest.Start(b, localpg.Options{Major: 15}), localaws.PublishOptions{})
	s.stopPublishing()
	s.exec(fmt.Sprintf("DO $$ BEGIN FOR n IN 0..%d LOOP EXECUTE format('CREATE ROLE %%I LOGIN', '%suser' || n); END LOOP; END $$", roles-1, s.prefix))
	return s
}

// logOf is a log of so many lines, evenly spread over a time.
type logOf struct {
	from, to time.Time
	lines    int
	line     func(at time.Time, n int) string
}

// lastDay is a log of nearly all that a first sweep reads.
func lastDay(lines int, line func(time.Time, int) string) logOf {
	return logOf{time.Now().Add(-23 * time.Hour), time.Now(), lines, line}
}

// fill has the stage's stream hold a log, of which no line is kept in memory.
func (s *stage) fill(l logOf) {
	start := l.from.UTC().Truncate(time.Second)
	every := l.to.Sub(start) / time.Duration(l.lines)
	s.stack.SetLogSource(s.group, s.stream, func(from, to time.Time, yield func(localaws.Event) bool) {
		for n := max(0, int(from.Sub(start)/every)); n < l.lines; n++ {
			at := start.Add(time.Duration(n) * every).Truncate(time.Second)
			if at.After(to) || !at.Before(from) && !yield(localaws.Event{Time: at, Message: l.line(at, n)}) {
				return
			}
		}
	})
}

// refuseQueries has a sweep do without Logs Insights, and so without the second reading.
func (s *stage) refuseQueries() {
	s.stack.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation == "StartQuery" {
			return localaws.Fail("AccessDeniedException", 400)
		}
		return localaws.Pass
	})
}

// scan has queries tell that each event that they matched was of so many bytes.
func (s *stage) scan(bytes float64) {
	s.stack.DecideQueries(func(localaws.LogQuery) localaws.QueryOutcome {
		return localaws.QueryOutcome{Alter: func(out *cloudwatchlogs.GetQueryResultsOutput) {
			if out.Statistics != nil {
				out.Statistics.BytesScanned = out.Statistics.RecordsMatched * bytes
			}
		}}
	})
}

// calls counts those of an operation since the last reset.
func (s *stage) calls(operation string) int {
	n := 0
	for _, c := range s.stack.Calls() {
		if c.Operation == operation {
			n++
		}
	}
	return n
}

// setBack has what the last sweep stored be of a day earlier.
func (s *stage) setBack() {
	s.t.Helper()
	s.exec(`UPDATE user_login_job_status SET last_processed_time = last_processed_time - interval '1 day', streams =
		jsonb_set(streams, '{second,to}', to_jsonb((streams #>> '{second,to}')::timestamptz - interval '1 day'))
		|| jsonb_build_object('streams', (SELECT jsonb_object_agg(key, value || jsonb_build_object('to', (value ->> 'to')::timestamptz - interval '1 day'))
			FROM jsonb_each(streams -> 'streams')))`)
}

// reportMemory is for sweeps that may not take more than mostMemory.
func (s *stage) reportMemory(b *testing.B, c cost) {
	b.ReportMetric(float64(c.PeakRSS)/(1<<20), "peak-MiB")
	if c.PeakRSS > mostMemory {
		b.Errorf("the sweep took %d MiB, and may take %d", c.PeakRSS>>20, mostMemory>>20)
	}
}

// sweepAlone sweeps in a process of its own, with so many requests a second of FilterLogEvents.
func (s *stage) sweepAlone(b *testing.B, pace float64) cost {
	b.Helper()
	text, err := json.Marshal(errand{Secret: s.prefix, Reports: s.reports.Bucket, Pace: logread.Pace{First: pace, Most: pace}})
	if err != nil {
		b.Fatal(err)
	}
	command := exec.CommandContext(b.Context(), os.Args[0])
	command.Env = append(os.Environ(), append(s.stack.Environ(), sweeperEnv+"="+string(text))...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		b.Fatal(err)
	}
	var c cost
	if err := json.Unmarshal(out, &c); err != nil {
		b.Fatal(err)
	}
	return c
}

// mark is how a line of a role's begins, up to the severity.
func (s *stage) mark(at time.Time, n, user int) string {
	return fmt.Sprintf("%s UTC:10.0.%d.%d(%d):%suser%d@%s:[%d]:", at.Format(time.DateTime), n%200, n%250, 1024+n%60000, s.prefix, user, s.prefix, 2+n%32000)
}

// loginLine is a login of one of 5,000 roles.
func (s *stage) loginLine(at time.Time, n int) string {
	return s.mark(at, n, n%5000) + fmt.Sprintf("LOG:  connection authorized: user=%suser%d database=%s application_name=some application SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)",
		s.prefix, n%5000, s.prefix)
}

// sessionLine is what a session of one of 5,000 roles writes, in turn: its login, an error with its statement, and its end.
func (s *stage) sessionLine(at time.Time, n int) string {
	session := n / 4
	mark, user := s.mark(at, session, session%5000), fmt.Sprintf("%suser%d", s.prefix, session%5000)
	switch n % 4 {
	case 0:
		return s.loginLine(at, session)
	case 1:
		return mark + "ERROR:  duplicate key value violates unique constraint \"orders_pkey\""
	case 2:
		return mark + "STATEMENT:  insert into orders select * from staging where id = any($1)" + strings.Repeat(" or id = any($1)", 5)
	}
	return mark + fmt.Sprintf("LOG:  disconnection: session time: 0:01:02.345 user=%s database=%s host=10.0.%d.%d port=%d",
		user, s.prefix, session%200, session%250, 1024+session%60000)
}
