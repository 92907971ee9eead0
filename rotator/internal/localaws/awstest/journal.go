package awstest

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Journal reads a log group, through FilterLogEvents or Logs Insights.
type Journal struct {
	Client *cloudwatchlogs.Client
	Group  *string
}

// Filter reads all pages of a query; the group is filled in.
func (j Journal) Filter(t testing.TB, in cloudwatchlogs.FilterLogEventsInput) (messages []string, pages int) {
	t.Helper()
	in.LogGroupName = j.Group
	for p := cloudwatchlogs.NewFilterLogEventsPaginator(j.Client, &in); p.HasMorePages(); pages++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			messages = append(messages, *e.Message)
		}
	}
	return messages, pages
}

// WantMessages checks what the pages of a query hold.
func (j Journal) WantMessages(t testing.TB, in cloudwatchlogs.FilterLogEventsInput, want ...string) {
	t.Helper()
	if got, _ := j.Filter(t, in); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Begin starts a query over the first hundred thousand seconds since 1970.
func (j Journal) Begin(t testing.TB, text string) (id *string, err error) {
	t.Helper()
	out, err := j.Client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{LogGroupName: j.Group, QueryString: &text,
		StartTime: aws.Int64(0), EndTime: aws.Int64(100_000)}, func(o *cloudwatchlogs.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return nil, err
	}
	return out.QueryId, nil
}

// Poll asks once for the results of a query.
func (j Journal) Poll(t testing.TB, id *string) *cloudwatchlogs.GetQueryResultsOutput {
	t.Helper()
	out, err := j.Client.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: id})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Await polls until the query has ended.
func (j Journal) Await(t testing.TB, id *string) *cloudwatchlogs.GetQueryResultsOutput {
	t.Helper()
	for {
		if out := j.Poll(t, id); out.Status != types.QueryStatusScheduled && out.Status != types.QueryStatusRunning {
			return out
		}
	}
}

// Query runs a query to its end.
func (j Journal) Query(t testing.TB, text string) *cloudwatchlogs.GetQueryResultsOutput {
	t.Helper()
	id, err := j.Begin(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return j.Await(t, id)
}

// Shown shows rows as "name=value name=value", sorted.
func Shown(rows [][]types.ResultField) []string {
	var all []string
	for _, row := range rows {
		var fields []string
		for _, f := range row {
			fields = append(fields, aws.ToString(f.Field)+"="+aws.ToString(f.Value))
		}
		all = append(all, strings.Join(fields, " "))
	}
	slices.Sort(all)
	return all
}
