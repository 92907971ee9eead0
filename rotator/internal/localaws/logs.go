package localaws

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
)

// logStore is CloudWatch Logs.
type logStore struct {
	ctx          context.Context // ends the publishers
	mu           sync.Mutex
	now          func() time.Time
	groups       map[string]*logGroup
	protection   DataProtection // the account's policy
	unmaskDenied bool
	limits       LogLimits
	requests     map[string][]time.Time // within the last second, by operation and Region
}

func newLogStore(ctx context.Context) *logStore {
	return &logStore{ctx: ctx, now: time.Now, groups: map[string]*logGroup{}, requests: map[string][]time.Time{}}
}

func newLogsService(l *logStore) *service {
	operations := map[string]operation{
		"CreateLogGroup":     jsonOperation(l.createGroup),
		"DeleteLogGroup":     jsonOperation(l.deleteGroup),
		"PutRetentionPolicy": jsonOperation(l.putRetentionPolicy),
		"CreateLogStream":    jsonOperation(l.createStream),
		"DeleteLogStream":    jsonOperation(l.deleteStream),
		"PutLogEvents":       jsonOperation(l.putEvents),
		"DescribeLogGroups":  jsonOperation(l.describeGroups),
		"DescribeLogStreams": jsonOperation(l.describeStreams),
		"FilterLogEvents":    jsonOperation(l.filterEvents),
	}
	for name, carryOut := range operations {
		operations[name] = l.limited(name, carryOut)
	}
	return newJSONService("logs", operations)
}

func logGroupARN(name string) string {
	return "arn:aws:logs:" + Region + ":" + AccountID + ":log-group:" + name
}

// find takes a group's name, or its ARN with or without the final ":*".
func (l *logStore) find(nameOrARN *string) (*logGroup, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(aws.ToString(nameOrARN), logGroupARN("")), ":*")
	if found := l.groups[name]; found != nil {
		return found, nil
	}
	return nil, notFound("The specified log group does not exist.")
}

// addressed finds the group that a request names in one of two parameters.
func (l *logStore) addressed(name, identifier *string) (*logGroup, error) {
	if (name == nil) == (identifier == nil) {
		return nil, invalidParameter("Exactly one of logGroupName and logGroupIdentifier must be given.")
	}
	return l.find(cmp.Or(name, identifier))
}

func (g *logGroup) find(name *string) (*logStream, error) {
	if found := g.streams[aws.ToString(name)]; found != nil {
		return found, nil
	}
	return nil, notFound("The specified log stream does not exist.")
}

// sorted lists the group's streams by name.
func (g *logGroup) sorted() []*logStream {
	return slices.SortedFunc(maps.Values(g.streams), func(a, b *logStream) int { return cmp.Compare(a.name, b.name) })
}

// ensure finds a stream, and makes it and its group where they are missing.
func (l *logStore) ensure(group, stream string) *logStream {
	g := l.ensureGroup(group)
	if g.streams[stream] == nil {
		g.streams[stream] = &logStream{name: stream, created: l.now()}
	}
	return g.streams[stream]
}

func alreadyExists(what string) error {
	return &apiError{code: "ResourceAlreadyExistsException", status: 400, message: "The specified " + what + " already exists"}
}

func (l *logStore) createGroup(_ caller, in *cloudwatchlogs.CreateLogGroupInput) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := aws.ToString(in.LogGroupName)
	if name == "" || len(name) > 512 {
		return nil, invalidParameter("The logGroupName must have between 1 and 512 characters.")
	}
	if l.groups[name] != nil {
		return nil, alreadyExists("log group")
	}
	class := cmp.Or(in.LogGroupClass, types.LogGroupClassStandard)
	if !slices.Contains(class.Values(), class) {
		return nil, invalidParameter("The logGroupClass " + string(class) + " does not exist.")
	}
	l.groups[name] = l.newGroup(name, class)
	return nil, nil
}

func (l *logStore) deleteGroup(_ caller, in *cloudwatchlogs.DeleteLogGroupInput) (any, error) {
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
func (l *logStore) putRetentionPolicy(_ caller, in *cloudwatchlogs.PutRetentionPolicyInput) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := l.find(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	days := aws.ToInt32(in.RetentionInDays)
	allowed := []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
	if !slices.Contains(allowed, days) {
		return nil, invalidParameter("The specified retentionInDays is not one of the allowed values.")
	}
	found.retentionDays = days
	return nil, nil
}

func (l *logStore) createStream(_ caller, in *cloudwatchlogs.CreateLogStreamInput) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := l.find(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.LogStreamName)
	if name == "" || len(name) > 512 || strings.ContainsAny(name, ":*") {
		return nil, invalidParameter("The logStreamName must have between 1 and 512 characters, none of them : or *.")
	}
	if found.streams[name] != nil {
		return nil, alreadyExists("log stream")
	}
	found.streams[name] = &logStream{name: name, created: l.now()}
	return nil, nil
}

func (l *logStore) deleteStream(_ caller, in *cloudwatchlogs.DeleteLogStreamInput) (any, error) {
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
