package logread

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// collect takes the pages of a complete query. Their rows must account for every event that the query matched: whether rows beyond
// the limit are cut with a warning is not documented.
func (r *insightsReader) collect(ctx context.Context, group Group, id string, out *cloudwatchlogs.GetQueryResultsOutput) ([]Row, error) {
	if out.Statistics == nil {
		return nil, fmt.Errorf("query %s of log group %q gave no statistics, so whether its result is whole cannot be told", id, group.Name)
	}
	matched := int64(out.Statistics.RecordsMatched)
	var rows []Row
	counted, texts := int64(0), interned{}
	for {
		for _, fields := range out.Results {
			row, err := readRow(fields, texts)
			if err != nil {
				return nil, fmt.Errorf("query %s of log group %q: %w", id, group.Name, err)
			}
			counted += row.Count
			rows = append(rows, row)
		}
		if len(rows) >= rowLimit {
			return nil, errTooMuch
		}
		token := out.NextToken
		if token == nil {
			break
		}
		var err error
		if out, err = r.results(ctx, group, id, token); err != nil {
			return nil, err
		}
		if repeats(token, out.NextToken) {
			return nil, errRepeated(group)
		}
	}
	if counted != matched {
		return nil, fmt.Errorf("query %s of log group %q is not whole: its rows are about %d events, and %d matched", id, group.Name, counted, matched)
	}
	return rows, nil
}

// interned keeps one copy of texts that many rows share, and none of the page that they came in.
type interned map[string]string

func (i interned) text(s string) string {
	kept, ok := i[s]
	if !ok {
		kept = strings.Clone(s)
		i[kept] = kept
	}
	return kept
}

// readRow reads a row of the query's result.
func readRow(fields []types.ResultField, texts interned) (Row, error) {
	values := make(map[string]string, len(fields))
	for _, f := range fields {
		values[aws.ToString(f.Field)] = aws.ToString(f.Value)
	}
	for _, name := range []string{"@logStream", "who", "what"} {
		if values[name] == "" {
			return Row{}, fmt.Errorf("a row of its result has no %s", name)
		}
	}
	row := Row{Kind: kindOf(texts.text(values["@logStream"]), texts.text(values["who"]), texts.text(values["what"]))}
	numbers := map[string]*int64{"entries": &row.Count, "oldest": &row.Earliest, "newest": &row.Latest, "slowest": &row.Delay}
	if row.isAttempt() {
		numbers["pids"] = &row.PIDs
	}
	for name, number := range numbers {
		// The form of numbers is not documented; an exponent or a fraction is no surprise.
		value, err := strconv.ParseFloat(values[name], 64)
		if err != nil {
			return Row{}, fmt.Errorf("a row of its result has %s %q, which is no number", name, values[name])
		}
		*number = int64(value)
	}
	return row, nil
}
