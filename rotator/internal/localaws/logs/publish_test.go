package logs_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

// serverLog is a growing server log that is being published.
type serverLog struct {
	awstest.Journal
	path      string
	publisher *localaws.Publisher
}

func newServerLog(t *testing.T, text string, o localaws.PublishOptions) *serverLog {
	t.Helper()
	stack, j := newLocalJournal(t)
	l := &serverLog{Journal: j, path: filepath.Join(t.TempDir(), "server.log")}
	l.write(t, text)
	var err error
	if l.publisher, err = stack.PublishLog(t.Context(), l.path, logGroup, "main-1.0", o); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *serverLog) write(t *testing.T, text string) {
	t.Helper()
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func (l *serverLog) flush(t *testing.T) {
	t.Helper()
	if err := l.publisher.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const (
	loginLine   = `2026-11-22 10:00:00 UTC:127.0.0.1(40000):app@db:[10]:LOG:  connection authorized: user=app database=db`
	failedLine  = `2026-11-22 10:00:01 UTC:127.0.0.1(40001):x@db:[11]:ERROR:  syntax error at or near "selec" at character 1`
	queryLines  = "2026-11-22 10:00:01 UTC:127.0.0.1(40001):x@db:[11]:STATEMENT:  selec 1\n\tfrom a\n\n2026 was a year"
	preciseLine = `2026-11-22 10:00:02.345 UTC:127.0.0.1(40002):app@db:[12]:1:00000:2026-11-22 10:00:02 UTC:3/1:0:6:appLOG:  connection authorized: user=app database=db`
)

func TestPublishedEntriesStayWhole(t *testing.T) {
	t.Parallel()
	l := newServerLog(t, loginLine+"\n"+failedLine+"\n", localaws.PublishOptions{})
	l.flush(t)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, loginLine, failedLine)
	l.write(t, queryLines+"\n"+preciseLine+"\n")
	l.flush(t)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, loginLine, failedLine, queryLines, preciseLine)
	out, err := l.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: l.Group})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"10:00:00.000", "10:00:01.000", "10:00:01.000", "10:00:02.345"} {
		if got := time.UnixMilli(*out.Events[i].Timestamp).UTC().Format("15:04:05.000"); got != want {
			t.Errorf("event %d is of %s, want %s", i, got, want)
		}
	}
}

func TestPublishedLineByLine(t *testing.T) {
	t.Parallel()
	l := newServerLog(t, queryLines+"\n"+preciseLine+"\n", localaws.PublishOptions{SplitLines: true})
	l.flush(t)
	lines := strings.Split(queryLines, "\n")
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, lines[0], lines[1], lines[3], preciseLine)
}

func TestPublisherWaitsForTheEndOfALine(t *testing.T) {
	t.Parallel()
	l := newServerLog(t, loginLine[:40], localaws.PublishOptions{})
	l.flush(t)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{})
	l.write(t, loginLine[40:]+"\n")
	l.flush(t)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, loginLine)
}

func TestPublisherPausedDuplicatingDropping(t *testing.T) {
	t.Parallel()
	l := newServerLog(t, "", localaws.PublishOptions{Duplicate: true, Delay: time.Millisecond,
		Drop: func(e localaws.Event) bool { return strings.Contains(e.Message, "syntax error") }})
	l.publisher.Pause()
	l.write(t, loginLine+"\n"+failedLine+"\n")
	l.flush(t)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{})
	l.publisher.Resume()
	l.flush(t)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, loginLine, loginLine)
}

func TestPublisherCutsLongEvents(t *testing.T) {
	t.Parallel()
	l := newServerLog(t, loginLine+"é\n", localaws.PublishOptions{MaxEventBytes: 30})
	l.flush(t)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, loginLine[:30], loginLine[30:60], loginLine[60:90], loginLine[90:]+"é")
	out, err := l.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: l.Group})
	if err != nil || *out.Events[0].Timestamp != *out.Events[3].Timestamp {
		t.Errorf("pieces at different times: %+v, %v", out, err)
	}
}

func TestPublisherCutsBetweenCharacters(t *testing.T) {
	t.Parallel()
	const line = "2026-11-22 10:00:00 UTC:éé"
	l := newServerLog(t, line+"\n", localaws.PublishOptions{MaxEventBytes: len(line) - 1})
	l.flush(t)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, strings.TrimSuffix(line, "é"), "é")
}

func TestPublisherRoutesEventsToStreams(t *testing.T) {
	t.Parallel()
	var late atomic.Int64 // ns
	late.Store(int64(time.Hour))
	l := newServerLog(t, loginLine+"\n"+failedLine+"\n", localaws.PublishOptions{Route: func(e localaws.Event) (string, time.Duration) {
		if strings.Contains(e.Message, "LOG: ") {
			return "main-1.1", time.Duration(late.Load())
		}
		return "main-1.0", 0
	}})
	l.awaitMessages(t, failedLine)
	late.Store(0)
	l.write(t, preciseLine+"\n")
	l.awaitMessages(t, failedLine, preciseLine)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"main-1.1"}}, preciseLine)
}

func TestStoppedExportLosesWhatIsWritten(t *testing.T) {
	t.Parallel()
	l := newServerLog(t, loginLine+"\n", localaws.PublishOptions{})
	l.flush(t)
	l.publisher.Stop()
	l.write(t, failedLine+"\n")
	l.flush(t)
	l.publisher.Start()
	l.write(t, preciseLine+"\n")
	l.flush(t)
	l.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, loginLine, preciseLine)
}

func TestPublisherRefusesAnotherZone(t *testing.T) {
	t.Parallel()
	l := newServerLog(t, strings.ReplaceAll(loginLine, "UTC", "CEST")+"\n", localaws.PublishOptions{})
	if err := l.publisher.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "log_timezone") {
		t.Errorf("flushing a log in CEST: %v", err)
	}
}

func TestPublisherPublishesByItself(t *testing.T) {
	t.Parallel()
	l := newServerLog(t, loginLine+"\n", localaws.PublishOptions{})
	l.awaitMessages(t, loginLine)
}

// awaitMessages waits until the log group holds just these.
func (l *serverLog) awaitMessages(t *testing.T, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var messages []string
	for ctx.Err() == nil {
		if messages, _ = l.Filter(t, cloudwatchlogs.FilterLogEventsInput{}); slices.Equal(messages, want) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("after 20 s the group holds %q, want %q", messages, want)
}

func TestPublishedServerLogShowsLogins(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t, localpg.Options{})
	pgtest.Exec(t, pg, `CREATE ROLE reader LOGIN PASSWORD 'Password_of-the.reader'`)
	stack, j := newLocalJournal(t)
	publisher, err := stack.PublishLog(t.Context(), pg.LogFile(), logGroup, "main-1.0", localaws.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), pg.URL("reader", "Password_of-the.reader", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := publisher.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	logins, _ := j.Filter(t, cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`"connection authorized: user=reader"`)})
	if len(logins) != 1 {
		t.Errorf("published %q, want one login of the reader", logins)
	}
}
