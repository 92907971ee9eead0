package localaws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws/awstest"
)

// journal is a log group on a target with the streams "a.0" and "b.0".
type journal struct {
	awstest.Journal
	start int64 // ms since 1970, an hour ago
}

func newJournal(t *testing.T, to target) journal {
	t.Helper()
	j := journal{start: time.Now().Add(-time.Hour).UnixMilli()}
	j.Client, j.Group = cloudwatchlogs.NewFromConfig(to.config), aws.String("/aws/rds/cluster/"+unique("check")+"/postgresql")
	if _, err := j.Client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: j.Group}); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"a.0", "b.0"} {
		if _, err := j.Client.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: j.Group, LogStreamName: &stream}); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// put stores messages at start+offset, start+offset+2, … ms.
func (j journal) put(t *testing.T, stream string, offset int64, messages ...string) {
	t.Helper()
	var events []types.InputLogEvent
	for i, message := range messages {
		events = append(events, types.InputLogEvent{Message: &message, Timestamp: aws.Int64(j.start + offset + 2*int64(i))})
	}
	_, err := j.Client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: j.Group, LogStreamName: &stream, LogEvents: events})
	if err != nil {
		t.Fatal(err)
	}
}

func logChecks() map[string]check {
	return map[string]check{
		"events come back as they were":                checkEventsComeBackAsTheyWere,
		"start and end are included":                   checkStartAndEndAreIncluded,
		"streams are interleaved by time":              checkStreamsAreInterleavedByTime,
		"phrase matches with its spaces and case":      checkPhraseMatchesWithItsSpacesAndCase,
		"question marks mean or":                       checkQuestionMarksMeanOr,
		"words must all occur":                         checkWordsMustAllOccur,
		"streams are chosen by name and prefix":        checkStreamsAreChosenByNameAndPrefix,
		"limit makes pages":                            checkLimitMakesPages,
		"page ends at 10,000 events":                   checkPageEndsAt10000Events,
		"page ends at 1 MB":                            checkPageEndsAt1MB,
		"unknown group and stream are not found":       checkUnknownGroupAndStreamAreNotFound,
		"group and stream in use are refused":          checkGroupAndStreamInUseAreRefused,
		"batch out of order is refused":                checkBatchOutOfOrderIsRefused,
		"events of more than 14 days ago are rejected": checkEventsOfMoreThan14DaysAgoAreRejected,
		"retention is told":                            checkRetentionIsTold,
		"class and creation are told":                  checkClassAndCreationAreTold,
		"stored bytes are told":                        checkStoredBytesAreTold,
		"streams tell their first and last event":      checkStreamsTellTheirFirstAndLastEvent,
		"streams come in pages":                        checkStreamsComeInPages,
	}
}

func checkEventsComeBackAsTheyWere(t *testing.T, to target) {
	j := newJournal(t, to)
	message := "line \"one\"\n\t\\ två \u2028 \x01 end"
	j.put(t, "a.0", 0, message)
	out, err := j.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group})
	if err != nil || len(out.Events) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	e := out.Events[0]
	if *e.Message != message || *e.Timestamp != j.start || *e.LogStreamName != "a.0" || aws.ToString(e.EventId) == "" || aws.ToInt64(e.IngestionTime) < j.start {
		t.Errorf("%q %d %s %v %v", *e.Message, *e.Timestamp, *e.LogStreamName, e.EventId, e.IngestionTime)
	}
}

func checkStartAndEndAreIncluded(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", 0, "0", "2", "4", "6")
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{StartTime: aws.Int64(j.start + 2), EndTime: aws.Int64(j.start + 4)}, "2", "4")
}

func checkStreamsAreInterleavedByTime(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "b.0", 1, "1", "3", "5")
	j.put(t, "a.0", 0, "0", "2", "4")
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{}, "0", "1", "2", "3", "4", "5")
}

func checkPhraseMatchesWithItsSpacesAndCase(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", 0, "LOG:  connection authorized: user=x", "LOG: connection authorized: user=x", "log:  connection authorized: user=x")
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`"LOG:  connection authorized: user="`)}, "LOG:  connection authorized: user=x")
}

func checkQuestionMarksMeanOr(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", 0, "connection authorized", "disconnection: session", "checkpoint")
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`?"connection authorized" ?"disconnection:"`)}, "connection authorized", "disconnection: session")
}

func checkWordsMustAllOccur(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", 0, "red green", "green red", "green")
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String("red green")}, "red green", "green red")
}

func checkStreamsAreChosenByNameAndPrefix(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", 0, "of a")
	j.put(t, "b.0", 1, "of b")
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"b.0"}}, "of b")
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: aws.String("a")}, "of a")
}

func checkLimitMakesPages(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", 0, "0", "2", "4", "6", "8")
	messages, pages := j.Filter(t, cloudwatchlogs.FilterLogEventsInput{Limit: aws.Int32(2)})
	if strings.Join(messages, "") != "02468" || pages < 3 {
		t.Errorf("%q in %d pages", messages, pages)
	}
}

func checkPageEndsAt10000Events(t *testing.T, to target) {
	j := newJournal(t, to)
	for batch := range 3 {
		var messages []string
		for i := range 4_000 {
			messages = append(messages, fmt.Sprint(batch*4_000+i))
		}
		j.put(t, "a.0", int64(batch)*8_000, messages...)
	}
	first, err := j.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: j.Group})
	if err != nil || len(first.Events) > 10_000 || first.NextToken == nil {
		t.Errorf("first page: %v events, token %v, %v", len(first.Events), first.NextToken, err)
	}
	if all, _ := j.Filter(t, cloudwatchlogs.FilterLogEventsInput{}); len(all) != 12_000 || all[11_999] != "11999" {
		t.Errorf("all pages: %d events", len(all))
	}
}

func checkPageEndsAt1MB(t *testing.T, to target) {
	j := newJournal(t, to)
	for i := range int64(3) {
		j.put(t, "a.0", 2*i, strings.Repeat("x", 500_000))
	}
	messages, pages := j.Filter(t, cloudwatchlogs.FilterLogEventsInput{})
	if len(messages) != 3 || pages < 2 {
		t.Errorf("%d messages in %d pages", len(messages), pages)
	}
}

func checkUnknownGroupAndStreamAreNotFound(t *testing.T, to target) {
	j := newJournal(t, to)
	_, err := j.Client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("none")})
	awstest.WantCode(t, err, "ResourceNotFoundException")
	_, err = j.Client.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("none")})
	awstest.WantCode(t, err, "ResourceNotFoundException")
	_, err = j.Client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: j.Group, LogStreamName: aws.String("none"),
		LogEvents: []types.InputLogEvent{{Message: aws.String("x"), Timestamp: &j.start}}})
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func checkGroupAndStreamInUseAreRefused(t *testing.T, to target) {
	j := newJournal(t, to)
	_, err := j.Client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: j.Group})
	awstest.WantCode(t, err, "ResourceAlreadyExistsException")
	_, err = j.Client.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: j.Group, LogStreamName: aws.String("a.0")})
	awstest.WantCode(t, err, "ResourceAlreadyExistsException")
}

func checkBatchOutOfOrderIsRefused(t *testing.T, to target) {
	j := newJournal(t, to)
	_, err := j.Client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: j.Group, LogStreamName: aws.String("a.0"), LogEvents: []types.InputLogEvent{
		{Message: aws.String("later"), Timestamp: aws.Int64(j.start + 1)}, {Message: aws.String("earlier"), Timestamp: &j.start}}})
	awstest.WantCode(t, err, "InvalidParameterException")
}

func checkEventsOfMoreThan14DaysAgoAreRejected(t *testing.T, to target) {
	j := newJournal(t, to)
	old := time.Now().AddDate(0, 0, -15).UnixMilli()
	out, err := j.Client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: j.Group, LogStreamName: aws.String("a.0"),
		LogEvents: []types.InputLogEvent{{Message: aws.String("old"), Timestamp: &old}}})
	if err != nil || out.RejectedLogEventsInfo == nil || aws.ToInt32(out.RejectedLogEventsInfo.TooOldLogEventEndIndex) < 0 {
		t.Errorf("%+v, %v", out, err)
	}
	j.WantMessages(t, cloudwatchlogs.FilterLogEventsInput{})
}

func checkRetentionIsTold(t *testing.T, to target) {
	j := newJournal(t, to)
	if _, err := j.Client.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: j.Group, RetentionInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	out, err := j.Client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: j.Group})
	if err != nil || len(out.LogGroups) != 1 || aws.ToInt32(out.LogGroups[0].RetentionInDays) != 7 || *out.LogGroups[0].LogGroupName != *j.Group {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkClassAndCreationAreTold(t *testing.T, to target) {
	client := cloudwatchlogs.NewFromConfig(to.config)
	for _, class := range types.LogGroupClass("").Values() {
		name, before := aws.String(unique("group")), time.Now().UnixMilli()
		if _, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: name, LogGroupClass: class}); err != nil {
			t.Fatal(err)
		}
		out, err := client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: name})
		if err != nil || len(out.LogGroups) != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		g := out.LogGroups[0]
		if g.LogGroupClass != class || aws.ToInt64(g.CreationTime) < before || aws.ToInt64(g.CreationTime) > time.Now().UnixMilli() || g.DataProtectionStatus != "" {
			t.Errorf("a group of class %s is told as %+v", class, g)
		}
	}
}

func checkStoredBytesAreTold(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", 0, "four", "five!")
	out, err := j.Client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: j.Group})
	if err != nil || len(out.LogGroups) != 1 || aws.ToInt64(out.LogGroups[0].StoredBytes) < 9 {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkStreamsTellTheirFirstAndLastEvent(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", 0, "0", "2", "4")
	out, err := j.Client.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: j.Group})
	if err != nil || len(out.LogStreams) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	a, b := out.LogStreams[0], out.LogStreams[1]
	if *a.LogStreamName != "a.0" || aws.ToInt64(a.FirstEventTimestamp) != j.start || aws.ToInt64(a.LastEventTimestamp) != j.start+4 || *b.LogStreamName != "b.0" || b.LastEventTimestamp != nil {
		t.Errorf("%+v %+v", a, b)
	}
}

func checkStreamsComeInPages(t *testing.T, to target) {
	j := newJournal(t, to)
	var names []string
	in := &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: j.Group, Limit: aws.Int32(1)}
	for p := cloudwatchlogs.NewDescribeLogStreamsPaginator(j.Client, in); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.LogStreams {
			names = append(names, *s.LogStreamName)
		}
	}
	if !slices.Equal(names, []string{"a.0", "b.0"}) {
		t.Errorf("got %v", names)
	}
}
