package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws/logs/insights"
	"pgrotator/rotator/internal/localaws/protocol"
)

// LogQuery is a query of Logs Insights.
type LogQuery struct {
	ID       string
	Text     string
	Groups   []string
	From, To time.Time // event time, whole seconds, both included
	// Fault tells why the query has Failed: it met what the documentation leaves open. "" = it has not.
	Fault string
}

// QueryOutcome changes what becomes of a query. The zero value carries it out.
type QueryOutcome struct {
	ScheduledPolls int  // GetQueryResults answers Scheduled so often first
	RunningPolls   int  // then Running so often, with half of the rows
	Endless        bool // it goes on Running until it is stopped
	// Status is how the query ends, "" = Complete. Rows are told in any.
	Status types.QueryStatus
	// Alter changes each answer before it is sent, such as to cut its rows short or to garble them. nil = it stays as it is.
	Alter func(*cloudwatchlogs.GetQueryResultsOutput)
}

// query is a query under way, or at its end.
type query struct {
	LogQuery
	outcome   QueryOutcome
	language  *insights.Query
	stop      context.CancelFunc
	completed chan struct{} // closed when every event has been looked at

	mu             sync.Mutex
	run            *insights.Run
	scanned, bytes int64 // events looked at, and their messages
	polls          int
	cancelled      bool
	final          []insights.Row // nil = not known yet
}

// DecideQueries has f decide what becomes of each query that is started from now on; nil = all are carried out.
func (l *Store) DecideQueries(f func(LogQuery) QueryOutcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.decide = f
}

// LogQueries lists the queries that were started, in order.
func (l *Store) LogQueries() []LogQuery {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []LogQuery
	for _, q := range l.queries {
		q.mu.Lock()
		all = append(all, q.LogQuery)
		q.mu.Unlock()
	}
	return all
}

func (l *Store) startQuery(c protocol.Caller, in *cloudwatchlogs.StartQueryInput) (any, error) {
	language, err := parseQuery(in)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	groups, err := l.queried(in)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if err := l.permitQuery(c, g, language, in); err != nil {
			return nil, err
		}
	}
	if l.activeQueries() >= l.limits.concurrentQueries() {
		return nil, &protocol.Error{Code: "LimitExceededException", Status: 400, Message: fmt.Sprintf(
			"Account maximum query concurrency limit of [%d] reached.", l.limits.concurrentQueries())}
	}
	q := l.newQuery(in, groups, language)
	l.queries = append(l.queries, q)
	return map[string]string{"queryId": q.ID}, nil
}

func parseQuery(in *cloudwatchlogs.StartQueryInput) (*insights.Query, error) {
	if in.StartTime == nil || in.EndTime == nil || *in.StartTime > *in.EndTime || *in.StartTime < 0 {
		return nil, malformedQuery("Query's end date and time can't be before its start date and time.")
	}
	if cmp.Or(in.QueryLanguage, types.QueryLanguageCwli) != types.QueryLanguageCwli {
		return nil, protocol.InvalidParameter("The stand-in knows the query language CWLI only.")
	}
	if in.Limit != nil && (*in.Limit < 1 || *in.Limit > insights.MaxLimit) {
		return nil, protocol.InvalidParameter("The limit must be between 1 and 100,000.")
	}
	language, err := insights.Parse(aws.ToString(in.QueryString))
	if err != nil {
		return nil, malformedQuery(err.Error())
	}
	return language, nil
}

func malformedQuery(message string) error {
	return &protocol.Error{Code: "MalformedQueryException", Status: 400, Message: message}
}

// queried finds the groups that a request names in one of three parameters.
func (l *Store) queried(in *cloudwatchlogs.StartQueryInput) ([]*logGroup, error) {
	var names []string
	ways := 0
	for _, way := range [][]string{in.LogGroupNames, in.LogGroupIdentifiers, present(in.LogGroupName)} {
		if len(way) > 0 {
			names, ways = way, ways+1
		}
	}
	if ways != 1 || len(names) > 50 {
		return nil, protocol.InvalidParameter("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be given, with at most 50 groups.")
	}
	var groups []*logGroup
	for _, name := range names {
		g, err := l.find(&name)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func present(s *string) []string {
	if s == nil {
		return nil
	}
	return []string{*s}
}

// permitQuery refuses what the group's class, its age, its retention or the caller's permissions exclude.
func (l *Store) permitQuery(c protocol.Caller, g *logGroup, language *insights.Query, in *cloudwatchlogs.StartQueryInput) error {
	end := time.Unix(*in.EndTime, 0)
	switch {
	case g.class == types.LogGroupClassDelivery:
		return g.requireReading("StartQuery")
	case end.Before(g.created.Truncate(time.Second)) || end.Before(g.horizon(l.now())):
		return malformedQuery("Query's end date and time is either before the log groups creation time or exceeds the log groups log retention settings.")
	case g.class != types.LogGroupClassStandard && language.Unmasks():
		return malformedQuery("The command unmask is not supported for log groups of class " + string(g.class) + ".")
	case language.StatsCommands() > maxStats(g.class):
		return malformedQuery("Too many stats commands.")
	case language.Unmasks():
		return l.permitUnmask(c, g)
	}
	return nil
}

// maxStats is the stats commands that a query may have.
func maxStats(class types.LogGroupClass) int {
	if class == types.LogGroupClassStandard {
		return 10
	}
	return 2
}

// newQuery starts a query over what can be seen now.
func (l *Store) newQuery(in *cloudwatchlogs.StartQueryInput, groups []*logGroup, language *insights.Query) *query {
	q := &query{language: language, run: language.Start(int(aws.ToInt32(in.Limit))), completed: make(chan struct{})}
	q.ID, q.Text = protocol.NewUUID(), aws.ToString(in.QueryString)
	q.From, q.To = time.Unix(*in.StartTime, 0).UTC(), time.Unix(*in.EndTime, 0).UTC()
	var sources []iter.Seq[insights.Event]
	for _, g := range groups {
		q.Groups = append(q.Groups, g.name)
		sources = append(sources, l.queryEvents(q, g)...)
	}
	if l.decide != nil {
		q.outcome = l.decide(q.LogQuery)
	}
	var ctx context.Context
	ctx, q.stop = context.WithCancel(l.ctx)
	go q.carryOut(ctx, sources)
	return q
}

// queryEvents are the events of each stream of a group that a query looks at.
func (l *Store) queryEvents(q *query, g *logGroup) []iter.Seq[insights.Event] {
	v := l.view(g, max(q.From.UnixMilli(), g.created.UnixMilli()), q.To.UnixMilli(), true)
	v.now -= l.limits.QueryLag.Milliseconds()
	if l.limits.WholeEndSecond {
		v.to += 999
	}
	needsPointer := q.language.StatsCommands() == 0
	var sources []iter.Seq[insights.Event]
	for _, s := range g.sorted() {
		events := s.seen(v)
		sources = append(sources, func(yield func(insights.Event) bool) {
			for e := range events {
				event := insights.Event{Timestamp: e.timestamp, Ingested: e.ingested, Stream: s.name, Log: protocol.AccountID + ":" + g.name,
					Message: e.masked, Unmasked: e.message}
				if needsPointer {
					event.Pointer = recordPointer{g.name, position{Timestamp: e.timestamp, Stream: s.name, Sequence: e.sequence}}.String()
				}
				if !yield(event) {
					return
				}
			}
		})
	}
	return sources
}

// carryOut looks at every event, until the query is stopped.
func (q *query) carryOut(ctx context.Context, sources []iter.Seq[insights.Event]) {
	defer close(q.completed)
	defer q.stop()
	for _, source := range sources {
		for e := range source {
			if ctx.Err() != nil || !q.take(e) {
				return
			}
		}
	}
}

// take looks at one event.
func (q *query) take(e insights.Event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.scanned++
	q.bytes += int64(len(e.Unmasked))
	err := q.run.Add(e)
	q.fail(err)
	return err == nil
}

// fail notes what the documentation leaves open.
func (q *query) fail(err error) {
	if undocumented, ok := errors.AsType[insights.UndocumentedError](err); ok && q.Fault == "" {
		q.Fault = undocumented.Error()
	}
}

// activeQueries counts those that have not ended.
func (l *Store) activeQueries() int {
	n := 0
	for _, q := range l.queries {
		if q.active() {
			n++
		}
	}
	return n
}

// active tells whether the query is scheduled or running.
func (q *query) active() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	goesOn := q.outcome.Endless || q.polls < q.outcome.ScheduledPolls+q.outcome.RunningPolls
	return !q.cancelled && (goesOn || !q.isThrough())
}

func (l *Store) findQuery(id *string) (*query, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queries {
		if q.ID == aws.ToString(id) {
			return q, nil
		}
	}
	return nil, protocol.NotFound("The specified query does not exist.")
}

func (l *Store) stopQuery(_ protocol.Caller, in *cloudwatchlogs.StopQueryInput) (any, error) {
	q, err := l.findQuery(in.QueryId)
	if err != nil {
		return nil, err
	}
	if !q.active() {
		return nil, protocol.InvalidParameter("The query " + q.ID + " is not running: it has ended.")
	}
	q.stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cancelled = true
	return map[string]bool{"success": true}, nil
}
