package logs_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

var mailAddress = regexp.MustCompile(`[a-z.]+@[a-z.]+`)

func activated(mask string) localaws.DataProtection {
	return localaws.DataProtection{Status: types.DataProtectionStatusActivated, Sensitive: []*regexp.Regexp{mailAddress}, Mask: mask}
}

func TestMaskingIsDecidedOnArrival(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	at := time.Now().Add(-time.Hour)
	write := func(message string) {
		at = at.Add(time.Second)
		stack.AppendLog(logGroup, "a.0", localaws.Event{Time: at, Message: message})
	}
	write("before: user=x@y.z")
	stack.SetLogGroup(logGroup, localaws.LogGroup{Protection: activated("")})
	write("group: user=x@y.z database=db")
	stack.SetLogGroup(logGroup, localaws.LogGroup{Protection: localaws.DataProtection{Status: types.DataProtectionStatusDeleted}})
	write("deleted: user=x@y.z")
	stack.SetAccountDataProtection(activated("***"))
	write("account: user=x@y.z")
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{},
		"before: user=x@y.z", "group: user=***** database=db", "deleted: user=x@y.z", "account: user=***")
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{Unmask: true},
		"before: user=x@y.z", "group: user=x@y.z database=db", "deleted: user=x@y.z", "account: user=x@y.z")
	// A pattern finds what the caller is shown.
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`"user=x@"`)}, "before: user=x@y.z", "deleted: user=x@y.z")
}

func TestMaskedSource(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	stack.SetLogSource(logGroup, "a.0", minutely("x@y.z"))
	stack.SetLogGroup(logGroup, localaws.LogGroup{Protection: activated("*")})
	hour := cloudwatchlogs.FilterLogEventsInput{StartTime: aws.Int64(0), EndTime: aws.Int64(59_999)}
	j.WantMessages(t, hour, "* 00:00")
	hour.Unmask = true
	j.WantMessages(t, hour, "x@y.z 00:00")
}

func TestUnmaskRefused(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	stack.AppendLog(logGroup, "a.0", localaws.Event{Time: time.Now(), Message: "m"})
	stack.DenyUnmask(true)
	_, err := j.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group, Unmask: true})
	awstest.WantCode(t, err, "AccessDeniedException")
	if !strings.Contains(err.Error(), "is not authorized to perform: logs:Unmask on resource: arn:aws:logs:us-east-1:123456789012:log-group:"+logGroup) {
		t.Error(err)
	}
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, "m")
	stack.DenyUnmask(false)
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{Unmask: true}, "m")
}

func TestGroupIsDescribedAsSet(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	created := time.Date(2025, 2, 3, 4, 5, 6, 0, time.UTC)
	stack.SetLogGroup(logGroup, localaws.LogGroup{Class: types.LogGroupClassInfrequentAccess, Created: created, RetentionDays: 30,
		StoredBytes: 5 << 40, Protection: activated("")})
	stack.SetAccountDataProtection(activated(""))
	out, err := j.Client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: j.Group})
	if err != nil || len(out.LogGroups) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	g := out.LogGroups[0]
	if g.LogGroupClass != types.LogGroupClassInfrequentAccess || *g.CreationTime != created.UnixMilli() || *g.RetentionInDays != 30 ||
		*g.StoredBytes != 5<<40 || g.DataProtectionStatus != types.DataProtectionStatusActivated ||
		!slices.Equal(g.InheritedProperties, []types.InheritedProperty{types.InheritedPropertyAccountDataProtection}) {
		t.Errorf("%+v", g)
	}
}

func TestGroupsAreFiltered(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	for name, class := range map[string]types.LogGroupClass{"/a/standard": types.LogGroupClassStandard, "/a/infrequent": types.LogGroupClassInfrequentAccess,
		"/b/essentials": types.LogGroupClassEssentials, "/b/delivery": types.LogGroupClassDelivery} {
		stack.SetLogGroup(name, localaws.LogGroup{Class: class, Protection: activated("")})
	}
	for name, test := range map[string]struct {
		in   cloudwatchlogs.DescribeLogGroupsInput
		want []string
	}{
		"all":         {cloudwatchlogs.DescribeLogGroupsInput{}, []string{"/a/infrequent", "/a/standard", "/b/delivery", "/b/essentials"}},
		"prefix":      {cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/b/")}, []string{"/b/delivery", "/b/essentials"}},
		"pattern":     {cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("/s")}, []string{"/a/standard"}},
		"class":       {cloudwatchlogs.DescribeLogGroupsInput{LogGroupClass: types.LogGroupClassDelivery}, []string{"/b/delivery"}},
		"two classes": {cloudwatchlogs.DescribeLogGroupsInput{LogGroupClass: types.LogGroupClassEssentials}, []string{"/a/infrequent", "/b/essentials"}},
		"identifiers": {cloudwatchlogs.DescribeLogGroupsInput{LogGroupIdentifiers: []string{"/a/standard", "arn:aws:logs:us-east-1:123456789012:log-group:/b/delivery"}}, []string{"/a/standard", "/b/delivery"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := j.Client.DescribeLogGroups(t.Context(), &test.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, g := range out.LogGroups {
				got = append(got, *g.LogGroupName)
				// Asked for by a pattern, a group does not tell that it is protected.
				if toldAll := g.DataProtectionStatus == types.DataProtectionStatusActivated && g.LogGroupClass != ""; toldAll != (name != "pattern") {
					t.Errorf("told as %+v", g)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestStoredBytesAreThoseOfTheEvents(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	stack.AppendLog(logGroup, "a.0", localaws.Event{Time: time.Now(), Message: "12345"})
	stack.AppendLog(logGroup, "b.0", localaws.Event{Time: time.Now(), Message: "123"})
	out, err := j.Client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil || aws.ToInt64(out.LogGroups[0].StoredBytes) != 5+26+3+26 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestClassesThatCannotBeFiltered(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	for _, class := range []types.LogGroupClass{types.LogGroupClassInfrequentAccess, types.LogGroupClassEssentials, types.LogGroupClassDelivery} {
		stack.SetLogGroup(logGroup, localaws.LogGroup{Class: class})
		_, err := j.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group})
		awstest.WantCode(t, err, "InvalidOperationException")
		want := fmt.Sprintf("The log group %s is of log-group-class %s. FilterLogEvents is not supported for this log class.", logGroup, class)
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestLateEventIsInvisibleUntilItArrives(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	var now atomic.Int64 // s since 1970
	now.Store(10_000)
	stack.SetLogClock(func() time.Time { return time.Unix(now.Load(), 0) })
	stack.AppendLog(logGroup, "a.0",
		localaws.Event{Time: time.Unix(9_000, 0), Message: "late", Ingested: time.Unix(10_200, 0)},
		localaws.Event{Time: time.Unix(9_500, 0), Message: "in time"})
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, "in time")
	if s := firstStream(t, j); *s.FirstEventTimestamp != 9_500_000 || *s.LastIngestionTime != 10_000_000 {
		t.Errorf("before the late event: %+v", s)
	}
	now.Store(10_200)
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, "late", "in time")
	if s := firstStream(t, j); *s.FirstEventTimestamp != 9_000_000 || *s.LastIngestionTime != 10_200_000 {
		t.Errorf("after the late event: %+v", s)
	}
	out, err := j.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group})
	if err != nil || *out.Events[0].IngestionTime != 10_200_000 || *out.Events[1].IngestionTime != 10_000_000 {
		t.Errorf("%+v, %v", out, err)
	}
}

// firstStream describes the first stream of a journal's group.
func firstStream(t *testing.T, j awstest.Journal) types.LogStream {
	t.Helper()
	out, err := j.Client.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: j.Group})
	if err != nil || len(out.LogStreams) == 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	return out.LogStreams[0]
}

func TestQuotasAreThoseOfTheRegion(t *testing.T) {
	t.Parallel()
	stack, j := newLocalJournal(t)
	stack.AppendLog(logGroup, "a.0")
	stack.SetLogLimits(localaws.LogLimits{Quotas: true})
	var second atomic.Int64
	stack.SetLogClock(func() time.Time { return time.Unix(second.Load(), 0) })
	for region, want := range map[string]int{"us-east-1": 25, "eu-central-1": 5, "eu-west-1": 10} {
		config := stack.Config()
		config.Region = region
		client := cloudwatchlogs.NewFromConfig(config, func(o *cloudwatchlogs.Options) { o.Retryer = aws.NopRetryer{} })
		for range 2 {
			second.Add(1)
			if got := requestsUntilThrottled(t, client, j.Group); got != want {
				t.Errorf("%s: throttled after %d requests within a second, want %d", region, got, want)
			}
		}
	}
}

func requestsUntilThrottled(t *testing.T, client *cloudwatchlogs.Client, group *string) int {
	t.Helper()
	for n := range 100 {
		_, err := client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group})
		if refusal, ok := errors.AsType[smithy.APIError](err); ok && refusal.ErrorCode() == "ThrottlingException" {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return 100
}
