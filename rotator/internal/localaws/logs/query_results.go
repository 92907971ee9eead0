package logs

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws/logs/insights"
	"pgrotator/rotator/internal/localaws/protocol"
)

// maxResults is the rows of one answer of GetQueryResults.
const maxResults = 10_000

// resultPatience is how long GetQueryResults waits for a query that is nearly through: it spares its callers a poll.
const resultPatience = 50 * time.Millisecond

func (l *Store) queryResults(_ protocol.Caller, in *cloudwatchlogs.GetQueryResultsInput) (any, error) {
	q, err := l.findQuery(in.QueryId)
	if err != nil {
		return nil, err
	}
	select {
	case <-q.completed:
	case <-time.After(resultPatience):
	}
	out := q.results()
	if out.Results, out.NextToken, err = resultPage(out, in); err != nil {
		return nil, err
	}
	if q.outcome.Alter != nil {
		q.outcome.Alter(out)
	}
	return encodeResults(out), nil
}

// results answers a poll, with all rows.
func (q *query) results() *cloudwatchlogs.GetQueryResultsOutput {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.polls++
	out := &cloudwatchlogs.GetQueryResultsOutput{QueryLanguage: types.QueryLanguageCwli, Status: q.status(), Statistics: &types.QueryStatistics{}}
	if out.Status == types.QueryStatusScheduled {
		return out
	}
	rows := q.rows()
	if q.Fault != "" {
		out.Status = types.QueryStatusFailed
	}
	if out.Status == types.QueryStatusRunning {
		rows = rows[:(len(rows)+1)/2]
	}
	out.Results = encodeRows(rows)
	out.Statistics = &types.QueryStatistics{RecordsMatched: float64(q.run.Matched()), RecordsScanned: float64(q.scanned),
		BytesScanned: float64(q.bytes), LogGroupsScanned: float64(len(q.Groups)), ResultCount: float64(len(rows))}
	return out
}

// rows is the result so far; once every event has been looked at, always the same.
func (q *query) rows() []insights.Row {
	if q.final != nil {
		return q.final
	}
	rows, err := q.run.Rows()
	q.fail(err)
	if q.Fault != "" {
		return nil
	}
	if q.isThrough() {
		q.final = rows
	}
	return rows
}

// isThrough tells whether every event has been looked at.
func (q *query) isThrough() bool {
	select {
	case <-q.completed:
		return true
	default:
		return false
	}
}

// status is what a poll is told.
func (q *query) status() types.QueryStatus {
	o := q.outcome
	switch {
	case q.cancelled:
		return types.QueryStatusCancelled
	case q.polls <= o.ScheduledPolls:
		return types.QueryStatusScheduled
	case !q.isThrough() || o.Endless || q.polls <= o.ScheduledPolls+o.RunningPolls:
		return types.QueryStatusRunning
	case o.Status != "":
		return o.Status
	}
	return types.QueryStatusComplete
}

func encodeRows(rows []insights.Row) [][]types.ResultField {
	encoded := [][]types.ResultField{}
	for _, row := range rows {
		fields := []types.ResultField{}
		for _, f := range row {
			fields = append(fields, types.ResultField{Field: aws.String(f.Name), Value: aws.String(f.Value)})
		}
		encoded = append(encoded, fields)
	}
	return encoded
}

// resultPage cuts the page that a request asks for. There is a next one of complete results only.
func resultPage(out *cloudwatchlogs.GetQueryResultsOutput, in *cloudwatchlogs.GetQueryResultsInput) ([][]types.ResultField, *string, error) {
	size := maxResults
	if in.MaxItems != nil {
		size = int(*in.MaxItems)
	}
	page, next, err := pageOf(out.Results, size, maxResults, in.NextToken)
	if next == "" || out.Status != types.QueryStatusComplete {
		return page, nil, err
	}
	return page, &next, err
}

// encodeResults gives the output the names of the protocol.
func encodeResults(out *cloudwatchlogs.GetQueryResultsOutput) any {
	type field struct {
		Field *string `json:"field,omitempty"`
		Value *string `json:"value,omitempty"`
	}
	rows := [][]field{}
	for _, r := range out.Results {
		row := []field{}
		for _, f := range r {
			row = append(row, field{f.Field, f.Value})
		}
		rows = append(rows, row)
	}
	encoded := map[string]any{"results": rows, "status": out.Status, "queryLanguage": out.QueryLanguage}
	if s := out.Statistics; s != nil {
		encoded["statistics"] = map[string]float64{"recordsMatched": s.RecordsMatched, "recordsScanned": s.RecordsScanned,
			"bytesScanned": s.BytesScanned, "logGroupsScanned": s.LogGroupsScanned, "resultCount": s.ResultCount}
	}
	if out.NextToken != nil {
		encoded["nextToken"] = *out.NextToken
	}
	return encoded
}
