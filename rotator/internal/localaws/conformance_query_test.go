package localaws_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws/awstest"
)

// queryChecks are those of Logs Insights.
func queryChecks() map[string]check {
	return map[string]check{
		"query tells the events that it finds":       checkQueryTellsTheEventsThatItFinds,
		"query counts":                               checkQueryCounts,
		"query that is none is malformed":            checkQueryThatIsNoneIsMalformed,
		"query of an unknown group is not found":     checkQueryOfAnUnknownGroupIsNotFound,
		"unknown query is not found":                 checkUnknownQueryIsNotFound,
		"pointer of a row leads to its whole record": checkPointerOfARowLeadsToItsWholeRecord,
	}
}

// afterCreation is an offset after the group was created: what is older cannot be queried.
const afterCreation = 3_660_000

// recent runs a query over the two hours around now.
func (j journal) recent(t *testing.T, text string) *cloudwatchlogs.GetQueryResultsOutput {
	t.Helper()
	out, err := j.Client.StartQuery(t.Context(), j.recentQuery(text))
	if err != nil {
		t.Fatal(err)
	}
	return j.Await(t, out.QueryId)
}

func (j journal) recentQuery(text string) *cloudwatchlogs.StartQueryInput {
	return &cloudwatchlogs.StartQueryInput{LogGroupName: j.Group, QueryString: &text, StartTime: aws.Int64(j.start/1000 - 1), EndTime: aws.Int64(j.start/1000 + 7200)}
}

func checkQueryTellsTheEventsThatItFinds(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", afterCreation, "one", "two")
	out := j.recent(t, `fields @message, @logStream | sort @timestamp desc`)
	var got []string
	for _, row := range out.Results {
		got = append(got, valueIn(row, "@message")+" in "+valueIn(row, "@logStream"))
		if valueIn(row, "@ptr") == "" {
			t.Errorf("a row without @ptr: %q", awstest.Shown([][]types.ResultField{row}))
		}
	}
	if out.Status != types.QueryStatusComplete || !slices.Equal(got, []string{"two in a.0", "one in a.0"}) {
		t.Errorf("%s: %q", out.Status, got)
	}
}

// valueIn is a field of a row, "" = it has none of that name.
func valueIn(row []types.ResultField, name string) string {
	for _, f := range row {
		if *f.Field == name {
			return *f.Value
		}
	}
	return ""
}

func checkQueryCounts(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", afterCreation, "red", "green", "red")
	out := j.recent(t, `filter @message like "red" | stats count(*) as n by @logStream`)
	if got := awstest.Shown(out.Results); !slices.Equal(got, []string{"@logStream=a.0 n=2"}) || out.Statistics == nil || out.Statistics.RecordsMatched != 2 {
		t.Errorf("%q, %+v", got, out.Statistics)
	}
}

func checkQueryThatIsNoneIsMalformed(t *testing.T, to target) {
	j := newJournal(t, to)
	_, err := j.Client.StartQuery(t.Context(), j.recentQuery("select @message"))
	awstest.WantCode(t, err, "MalformedQueryException")
}

func checkQueryOfAnUnknownGroupIsNotFound(t *testing.T, to target) {
	j := newJournal(t, to)
	in := j.recentQuery("fields @message")
	in.LogGroupName = aws.String("none")
	_, err := j.Client.StartQuery(t.Context(), in)
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func checkUnknownQueryIsNotFound(t *testing.T, to target) {
	j := newJournal(t, to)
	_, err := j.Client.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: aws.String("7f5a1c9e-0000-4000-8000-000000000000")})
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func checkPointerOfARowLeadsToItsWholeRecord(t *testing.T, to target) {
	j := newJournal(t, to)
	j.put(t, "a.0", afterCreation, "one")
	row := j.recent(t, `fields @message`).Results[0]
	out, err := j.Client.GetLogRecord(t.Context(), &cloudwatchlogs.GetLogRecordInput{LogRecordPointer: aws.String(valueIn(row, "@ptr"))})
	if err != nil || out.LogRecord["@message"] != "one" {
		t.Errorf("%+v, %v", out, err)
	}
}
