package logread_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/logread"
)

const groupName = "/aws/rds/cluster/orders/postgresql"

const day = 24 * time.Hour

// begin is the whole second from which the tests read.
var begin = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// scene is CloudWatch Logs with one group.
type scene struct {
	*localaws.Stack
	client *cloudwatchlogs.Client
}

func newScene(t *testing.T, g localaws.LogGroup) scene {
	t.Helper()
	stack, err := localaws.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	stack.SetLogClock(func() time.Time { return begin.Add(60 * day) })
	if g.Created.IsZero() {
		g.Created = begin.Add(-100 * day)
	}
	stack.SetLogGroup(groupName, g)
	return scene{stack, cloudwatchlogs.NewFromConfig(stack.Config())}
}

func (s scene) group(t *testing.T) logread.Group {
	t.Helper()
	g, err := logread.Describe(t.Context(), s.client, groupName)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// write stores a message that arrives a second after its time.
func (s scene) write(stream string, at time.Time, message string) {
	s.AppendLog(groupName, stream, localaws.Event{Time: at, Message: message, Ingested: at.Add(time.Second)})
}

func (s scene) reader(way logread.Way, until time.Time) logread.Reader {
	return logread.New(way, s.client, logread.Options{Region: "us-east-1", Until: until})
}

// notes is a Sink that keeps all it is given.
type notes struct {
	*logread.Tally
	events []logread.Event
	parts  []time.Time
	fault  error // of ReadTo
}

func newNotes() *notes { return &notes{Tally: logread.NewTally()} }

func (n *notes) Event(e logread.Event) {
	n.events = append(n.events, e)
	n.Tally.Event(e)
}

func (n *notes) ReadTo(_ context.Context, to time.Time) error {
	n.parts = append(n.parts, to)
	return n.fault
}

// read reads a stretch of the group from begin on.
func (s scene) read(t *testing.T, way logread.Way, length time.Duration) *notes {
	t.Helper()
	sink := newNotes()
	if err := s.reader(way, time.Time{}).Read(t.Context(), s.group(t), begin, begin.Add(length), sink); err != nil {
		t.Fatal(err)
	}
	return sink
}

func byKind(rows []logread.Row) map[logread.Kind]logread.Row {
	m := map[logread.Kind]logread.Row{}
	for _, r := range rows {
		m[r.Kind] = r
	}
	return m
}
