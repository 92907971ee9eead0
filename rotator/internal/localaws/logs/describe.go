package logs

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// logGroupEntry is one group in DescribeLogGroups' output.
type logGroupEntry struct {
	LogGroupName         string                     `json:"logGroupName"`
	CreationTime         int64                      `json:"creationTime"`
	RetentionInDays      int32                      `json:"retentionInDays,omitempty"`
	MetricFilterCount    *int32                     `json:"metricFilterCount,omitempty"`
	ARN                  string                     `json:"arn"`
	LogGroupARN          string                     `json:"logGroupArn,omitempty"`
	StoredBytes          *int64                     `json:"storedBytes,omitempty"`
	LogGroupClass        types.LogGroupClass        `json:"logGroupClass,omitempty"`
	DataProtectionStatus types.DataProtectionStatus `json:"dataProtectionStatus,omitempty"`
	InheritedProperties  []types.InheritedProperty  `json:"inheritedProperties,omitempty"`
}

// logStreamEntry is one stream in DescribeLogStreams' output. Times are in ms
// since 1970; a stream without stored events has none.
type logStreamEntry struct {
	LogStreamName       string `json:"logStreamName"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp *int64 `json:"firstEventTimestamp,omitempty"`
	LastEventTimestamp  *int64 `json:"lastEventTimestamp,omitempty"`
	LastIngestionTime   *int64 `json:"lastIngestionTime,omitempty"`
	ARN                 string `json:"arn"`
	StoredBytes         int64  `json:"storedBytes"`
}

func (l *Store) describeGroups(_ protocol.Caller, in *cloudwatchlogs.DescribeLogGroupsInput) (any, error) {
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, protocol.InvalidParameter("logGroupNamePrefix and logGroupNamePattern are mutually exclusive.")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := []logGroupEntry{}
	for _, name := range slices.Sorted(maps.Keys(l.groups)) {
		if g := l.groups[name]; g.isAskedFor(in) {
			entries = append(entries, l.describeGroup(g, in.LogGroupNamePattern != nil))
		}
	}
	page, token, err := describedPage(entries, in.Limit, in.NextToken)
	return struct {
		LogGroups []logGroupEntry `json:"logGroups"`
		NextToken string          `json:"nextToken,omitempty"`
	}{page, token}, err
}

// isAskedFor tells whether a request's filters let the group through.
func (g *logGroup) isAskedFor(in *cloudwatchlogs.DescribeLogGroupsInput) bool {
	isListed := len(in.LogGroupIdentifiers) == 0 || slices.Contains(in.LogGroupIdentifiers, g.name) ||
		slices.Contains(in.LogGroupIdentifiers, logGroupARN(g.name))
	return isListed && strings.HasPrefix(g.name, aws.ToString(in.LogGroupNamePrefix)) &&
		strings.Contains(g.name, aws.ToString(in.LogGroupNamePattern)) && isOfClass(g.class, in.LogGroupClass)
}

// isOfClass tells whether a class is the one asked for; two of them are told together.
func isOfClass(class, wanted types.LogGroupClass) bool {
	cheap := []types.LogGroupClass{types.LogGroupClassInfrequentAccess, types.LogGroupClassEssentials}
	return wanted == "" || class == wanted || slices.Contains(cheap, wanted) && slices.Contains(cheap, class)
}

// describeGroup tells all of a group, or, as where groups are asked for by a pattern, the least.
func (l *Store) describeGroup(g *logGroup, least bool) logGroupEntry {
	entry := logGroupEntry{LogGroupName: g.name, CreationTime: g.created.UnixMilli(), ARN: logGroupARN(g.name) + ":*"}
	if least {
		return entry
	}
	entry.RetentionInDays, entry.MetricFilterCount, entry.LogGroupARN = g.retentionDays, aws.Int32(0), logGroupARN(g.name)
	entry.StoredBytes, entry.LogGroupClass, entry.DataProtectionStatus = aws.Int64(g.size()), g.class, g.protection.Status
	if l.protection.Status == types.DataProtectionStatusActivated {
		entry.InheritedProperties = []types.InheritedProperty{types.InheritedPropertyAccountDataProtection}
	}
	return entry
}

func (l *Store) describeStreams(_ protocol.Caller, in *cloudwatchlogs.DescribeLogStreamsInput) (any, error) {
	byTime := in.OrderBy == types.OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, protocol.InvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	group, err := l.addressed(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	entries := []logStreamEntry{}
	for _, stream := range group.sorted() {
		if strings.HasPrefix(stream.name, aws.ToString(in.LogStreamNamePrefix)) {
			entries = append(entries, group.describe(stream, l.now()))
		}
	}
	if byTime {
		slices.SortStableFunc(entries, func(a, b logStreamEntry) int {
			return cmp.Compare(aws.ToInt64(a.LastEventTimestamp), aws.ToInt64(b.LastEventTimestamp))
		})
	}
	if aws.ToBool(in.Descending) {
		slices.Reverse(entries)
	}
	page, token, err := describedPage(entries, in.Limit, in.NextToken)
	return struct {
		LogStreams []logStreamEntry `json:"logStreams"`
		NextToken  string           `json:"nextToken,omitempty"`
	}{page, token}, err
}

func (g *logGroup) describe(s *logStream, now time.Time) logStreamEntry {
	entry := logStreamEntry{LogStreamName: s.name, CreationTime: s.created.UnixMilli(),
		ARN: logGroupARN(g.name) + ":log-stream:" + s.name}
	for _, e := range s.events {
		if e.ingested > now.UnixMilli() {
			continue
		}
		entry.FirstEventTimestamp = cmp.Or(entry.FirstEventTimestamp, &e.timestamp)
		entry.LastEventTimestamp = &e.timestamp
		entry.LastIngestionTime = aws.Int64(max(aws.ToInt64(entry.LastIngestionTime), e.ingested))
	}
	return entry
}

// describedPage cuts a page of at most 50 out of all.
func describedPage[T any](all []T, limit *int32, token *string) (page []T, next string, err error) {
	size := 50
	if limit != nil {
		size = int(*limit)
	}
	return pageOf(all, size, 50, token)
}

// pageOf cuts a page of size, at most the largest, out of all; the token is the index it goes on at.
func pageOf[T any](all []T, size, largest int, token *string) (page []T, next string, err error) {
	if size < 1 || size > largest {
		return nil, "", protocol.InvalidParameter("The limit must be between 1 and " + strconv.Itoa(largest) + ".")
	}
	first := 0
	if token != nil {
		if first, err = strconv.Atoi(*token); err != nil || first < 0 || first > len(all) {
			return nil, "", protocol.InvalidParameter("The specified nextToken is invalid.")
		}
	}
	end := min(first+size, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[first:end], next, nil
}
