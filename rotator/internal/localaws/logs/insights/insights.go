// Package insights carries out queries in the language of CloudWatch Logs Insights: it parses the text of a query and runs it
// over events.
//
// It has the part of the language that is documented and that a log without structure can use: fields, display, parse with a
// regular expression, filter, stats, sort and limit, with the operators and functions that [Parse] knows. What the documentation
// leaves open is an error, when the query is parsed or when an event meets it, so that no query can rely on it:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
package insights

import "fmt"

// Event is an event of a log group.
type Event struct {
	Timestamp int64 // event time, ms since 1970
	Ingested  int64 // ms since 1970
	Stream    string
	Log       string // "123456789012:group"
	Message   string // as it is shown: with what is masked masked
	Unmasked  string
	Pointer   string // what @ptr tells
}

// Row is a row of a result; a field that is absent is left out.
type Row []Field

// Field is one field of a row.
type Field struct{ Name, Value string }

// SyntaxError tells what of a query's text is not understood, or not documented.
type SyntaxError struct {
	Offset int // in bytes
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at offset %d", e.Reason, e.Offset) }

// UndocumentedError tells what happened to a query that the documentation does not say the outcome of.
type UndocumentedError string

func (e UndocumentedError) Error() string { return "not documented: " + string(e) }

// Bounds of a query.
const (
	MaxText  = 10_000  // characters of a query's text
	MaxLimit = 100_000 // rows
	// DefaultLimit is the rows of a query that states no limit.
	DefaultLimit = 10_000
)

// Query is a parsed query.
type Query struct {
	segments []segment
	sort     []sortKey
	limit    int // 0 = none stated
	unmasks  bool
}

// segment is a part of a query up to a stats command, or to the end: what it does to each record, and what becomes of them.
type segment struct {
	width   int // fields of a record, those of the event among them
	steps   []step
	stats   *stats   // nil = the records are the result
	columns []column // of a result
}

// step does something to a record; keep tells whether it goes on.
type step interface {
	apply(*record) (keep bool, err error)
}

// column is a field of a result.
type column struct {
	name  string
	value expression
}

// sortKey is one of the fields that a result is ordered by.
type sortKey struct {
	value      expression
	descending bool
}

// Unmasks tells whether the query asks for unmasked text, which needs the permission logs:Unmask.
func (q *Query) Unmasks() bool { return q.unmasks }

// StatsCommands is how many stats commands the query has.
func (q *Query) StatsCommands() int { return len(q.segments) - 1 }
