package logs

import (
	"cmp"
	"slices"
	"time"

	"pgrotator/rotator/internal/localaws/protocol"
)

// LogLimits change what CloudWatch Logs does to its callers.
type LogLimits struct {
	PageEvents int // most events of a page of FilterLogEvents, 0 = 10,000
	PageBytes  int // most bytes of such a page: messages and 26 for each, 0 = 1 MiB
	// EmptyPages is how many pages without events, but with a token, come before each page of FilterLogEvents that has some.
	EmptyPages int
	// RequestsPerSecond of FilterLogEvents, beyond which requests are throttled. 0 = no throttling, unless Quotas.
	RequestsPerSecond int
	// Quotas throttles every operation of which the documentation tells a quota, by that of the Region that the request is
	// signed for.
	Quotas bool
	// ConcurrentQueries beyond which StartQuery is refused, 0 = 100.
	ConcurrentQueries int
	// QueryLag is how long after its arrival an event is found by a query; FilterLogEvents has it at once.
	QueryLag time.Duration
	// WholeEndSecond has queries include all of the second that they end at, and not its first millisecond only: "inclusive"
	// is all that the documentation says.
	WholeEndSecond bool
	// Withhold tells which events FilterLogEvents does not give, though queries find them. nil = none.
	Withhold func(Event) bool
}

func (l LogLimits) pageEvents() int        { return cmp.Or(l.PageEvents, 10_000) }
func (l LogLimits) pageBytes() int         { return cmp.Or(l.PageBytes, 1<<20) }
func (l LogLimits) concurrentQueries() int { return cmp.Or(l.ConcurrentQueries, 100) }

func (l LogLimits) withholds(e storedEvent) bool {
	return l.Withhold != nil && l.Withhold(Event{Time: time.UnixMilli(e.timestamp).UTC(), Message: e.message})
}

// SetLogLimits applies limits from now on.
func (l *Store) SetLogLimits(limits LogLimits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits = limits
}

// slowRegions are those where FilterLogEvents has the smallest quota:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
var slowRegions = []string{"ap-northeast-3", "ap-southeast-3", "ca-west-1", "eu-central-1", "il-central-1"}

// quota is how many requests a second the service takes; 0 = the documentation tells none.
func quota(operation, region string) int {
	switch operation {
	case "FilterLogEvents":
		return filterQuota(region)
	case "DescribeLogStreams":
		return 25
	case "DescribeLogGroups", "StartQuery", "GetQueryResults":
		return 10
	}
	return 0
}

func filterQuota(region string) int {
	switch {
	case region == "us-east-1":
		return 25
	case slices.Contains(slowRegions, region):
		return 5
	}
	return 10
}

// limited has the quotas apply to an operation.
func (l *Store) limited(name string, carryOut protocol.Operation) protocol.Operation {
	return func(r protocol.Request) (any, error) {
		if !l.admit(name, r.Caller.Region) {
			return nil, &protocol.Error{Code: "ThrottlingException", Status: 400, Message: "Rate exceeded"}
		}
		return carryOut(r)
	}
}

// admit counts a request, unless it is one too many within a second.
func (l *Store) admit(operation, region string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	allowed := l.limits.allowed(operation, region)
	if allowed == 0 {
		return true
	}
	key, now := operation+" "+region, l.now()
	recent := slices.DeleteFunc(l.requests[key], func(t time.Time) bool { return now.Sub(t) >= time.Second })
	admitted := len(recent) < allowed
	if admitted {
		recent = append(recent, now)
	}
	l.requests[key] = recent
	return admitted
}

// allowed is how many requests a second are let through; 0 = all.
func (l LogLimits) allowed(operation, region string) int {
	if operation == "FilterLogEvents" && l.RequestsPerSecond > 0 {
		return l.RequestsPerSecond
	}
	if l.Quotas {
		return quota(operation, region)
	}
	return 0
}
