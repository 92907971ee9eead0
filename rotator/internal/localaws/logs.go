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
)

// logStore is CloudWatch Logs.
type logStore struct {
	ctx      context.Context // ends the publishers
	mu       sync.Mutex
	groups   map[string]*logGroup
	limits   LogLimits
	requests []time.Time // of FilterLogEvents within the last second
}

type logGroup struct {
	name          string
	created       time.Time
	retentionDays int32 // 0 = for ever
	streams       map[string]*logStream
}

// LogLimits change what FilterLogEvents does to its callers.
type LogLimits struct {
	PageEvents int // most events of a page, 0 = 10,000
	PageBytes  int // most bytes of a page: messages and 26 for each, 0 = 1 MiB
	// EmptyPages is how many pages without events, but with a token, come
	// before each page that has some.
	EmptyPages int
	// RequestsPerSecond, beyond which requests are throttled: the service's
	// default quota is 5. 0 = no throttling.
	RequestsPerSecond int
}

func (l LogLimits) pageEvents() int { return cmp.Or(l.PageEvents, 10_000) }
func (l LogLimits) pageBytes() int  { return cmp.Or(l.PageBytes, 1<<20) }

func newLogStore(ctx context.Context) *logStore {
	return &logStore{ctx: ctx, groups: map[string]*logGroup{}}
}

// SetLogLimits applies l to FilterLogEvents from now on.
func (s *Stack) SetLogLimits(l LogLimits) {
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	s.logs.limits = l
}

func newLogsService(l *logStore) *service {
	return newJSONService("logs", map[string]operation{
		"CreateLogGroup":     jsonOperation(l.createGroup),
		"DeleteLogGroup":     jsonOperation(l.deleteGroup),
		"PutRetentionPolicy": jsonOperation(l.putRetentionPolicy),
		"CreateLogStream":    jsonOperation(l.createStream),
		"DeleteLogStream":    jsonOperation(l.deleteStream),
		"PutLogEvents":       jsonOperation(l.putEvents),
		"DescribeLogGroups":  jsonOperation(l.describeGroups),
		"DescribeLogStreams": jsonOperation(l.describeStreams),
		"FilterLogEvents":    jsonOperation(l.filterEvents),
	})
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
	g := l.groups[group]
	if g == nil {
		g = &logGroup{name: group, created: time.Now(), streams: map[string]*logStream{}}
		l.groups[group] = g
	}
	if g.streams[stream] == nil {
		g.streams[stream] = &logStream{name: stream, created: time.Now()}
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
	l.groups[name] = &logGroup{name: name, created: time.Now(), streams: map[string]*logStream{}}
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
	found.streams[name] = &logStream{name: name, created: time.Now()}
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
