// Package logs stands in for CloudWatch Logs: groups of three classes with streams of events that arrive late, are masked or age out,
// publishers that copy a server's log as RDS does, FilterLogEvents, and queries of Logs Insights.
package logs

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// Store is CloudWatch Logs.
type Store struct {
	ctx          context.Context // ends the publishers
	mu           sync.Mutex
	now          func() time.Time
	groups       map[string]*logGroup
	protection   DataProtection // the account's policy
	unmaskDenied bool
	limits       LogLimits
	requests     map[string][]time.Time // within the last second, by operation and Region
	queries      []*query               // of Logs Insights, all that were ever started
	decide       func(LogQuery) QueryOutcome
}

// New is an account without log groups. Publishers and queries end with ctx.
func New(ctx context.Context) *Store {
	return &Store{ctx: ctx, now: time.Now, groups: map[string]*logGroup{}, requests: map[string][]time.Time{}}
}

// Service is the API of l.
func (l *Store) Service() *protocol.Service {
	operations := map[string]protocol.Operation{
		"CreateLogGroup":     protocol.JSONOperation(l.createGroup),
		"DeleteLogGroup":     protocol.JSONOperation(l.deleteGroup),
		"PutRetentionPolicy": protocol.JSONOperation(l.putRetentionPolicy),
		"CreateLogStream":    protocol.JSONOperation(l.createStream),
		"DeleteLogStream":    protocol.JSONOperation(l.deleteStream),
		"PutLogEvents":       protocol.JSONOperation(l.putEvents),
		"DescribeLogGroups":  protocol.JSONOperation(l.describeGroups),
		"DescribeLogStreams": protocol.JSONOperation(l.describeStreams),
		"FilterLogEvents":    protocol.JSONOperation(l.filterEvents),
		"GetLogRecord":       protocol.JSONOperation(l.getRecord),
		"StartQuery":         protocol.JSONOperation(l.startQuery),
		"GetQueryResults":    protocol.JSONOperation(l.queryResults),
		"StopQuery":          protocol.JSONOperation(l.stopQuery),
	}
	for name, carryOut := range operations {
		operations[name] = l.limited(name, carryOut)
	}
	return protocol.NewJSONService("logs", operations)
}

func logGroupARN(name string) string {
	return "arn:aws:logs:" + protocol.Region + ":" + protocol.AccountID + ":log-group:" + name
}

// find takes a group's name, or its ARN with or without the final ":*".
func (l *Store) find(nameOrARN *string) (*logGroup, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(aws.ToString(nameOrARN), logGroupARN("")), ":*")
	if found := l.groups[name]; found != nil {
		return found, nil
	}
	return nil, protocol.NotFound("The specified log group does not exist.")
}

// addressed finds the group that a request names in one of two parameters.
func (l *Store) addressed(name, identifier *string) (*logGroup, error) {
	if (name == nil) == (identifier == nil) {
		return nil, protocol.InvalidParameter("Exactly one of logGroupName and logGroupIdentifier must be given.")
	}
	return l.find(cmp.Or(name, identifier))
}

func (g *logGroup) find(name *string) (*logStream, error) {
	if found := g.streams[aws.ToString(name)]; found != nil {
		return found, nil
	}
	return nil, protocol.NotFound("The specified log stream does not exist.")
}

// sorted lists the group's streams by name.
func (g *logGroup) sorted() []*logStream {
	return slices.SortedFunc(maps.Values(g.streams), func(a, b *logStream) int { return cmp.Compare(a.name, b.name) })
}

// ensure finds a stream, and makes it and its group where they are missing.
func (l *Store) ensure(group, stream string) *logStream {
	g := l.ensureGroup(group)
	if g.streams[stream] == nil {
		g.streams[stream] = &logStream{name: stream, created: l.now()}
	}
	return g.streams[stream]
}

func alreadyExists(what string) error {
	return &protocol.Error{Code: "ResourceAlreadyExistsException", Status: 400, Message: "The specified " + what + " already exists"}
}

func (l *Store) createGroup(_ protocol.Caller, in *cloudwatchlogs.CreateLogGroupInput) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := aws.ToString(in.LogGroupName)
	if name == "" || len(name) > 512 {
		return nil, protocol.InvalidParameter("The logGroupName must have between 1 and 512 characters.")
	}
	if l.groups[name] != nil {
		return nil, alreadyExists("log group")
	}
	class := cmp.Or(in.LogGroupClass, types.LogGroupClassStandard)
	if !slices.Contains(class.Values(), class) {
		return nil, protocol.InvalidParameter("The logGroupClass " + string(class) + " does not exist.")
	}
	l.groups[name] = l.newGroup(name, class)
	return nil, nil
}

func (l *Store) deleteGroup(_ protocol.Caller, in *cloudwatchlogs.DeleteLogGroupInput) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := l.find(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	delete(l.groups, found.name)
	return nil, nil
}

// putRetentionPolicy hides older events from then on.
func (l *Store) putRetentionPolicy(_ protocol.Caller, in *cloudwatchlogs.PutRetentionPolicyInput) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := l.find(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	days := aws.ToInt32(in.RetentionInDays)
	allowed := []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
	if !slices.Contains(allowed, days) {
		return nil, protocol.InvalidParameter("The specified retentionInDays is not one of the allowed values.")
	}
	found.retentionDays = days
	return nil, nil
}

func (l *Store) createStream(_ protocol.Caller, in *cloudwatchlogs.CreateLogStreamInput) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := l.find(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.LogStreamName)
	if name == "" || len(name) > 512 || strings.ContainsAny(name, ":*") {
		return nil, protocol.InvalidParameter("The logStreamName must have between 1 and 512 characters, none of them : or *.")
	}
	if found.streams[name] != nil {
		return nil, alreadyExists("log stream")
	}
	found.streams[name] = &logStream{name: name, created: l.now()}
	return nil, nil
}

func (l *Store) deleteStream(_ protocol.Caller, in *cloudwatchlogs.DeleteLogStreamInput) (any, error) {
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
	delete(group.streams, stream.name)
	return nil, nil
}
