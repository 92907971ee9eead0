package logread

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// looksAt is more bytes of an event than the query looks at: 900 characters, unless there is another mark further on.
const looksAt = 4096

var furtherMark = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`:\[\d+\]:`) })

// Tally is a Sink that divides events into the rows that Logs Insights would give, and adds up rows. What it holds grows with the
// rows, not with the log.
type Tally struct {
	rows map[Kind]*Row
}

// NewTally makes an empty one.
func NewTally() *Tally { return &Tally{rows: map[Kind]*Row{}} }

// Event adds one event.
func (t *Tally) Event(e Event) {
	r := queryDivision().read(beginning(e.Message), e.Stream)
	who, _ := r.field("who")
	what, _ := r.field("what")
	row := Row{Kind: kindOf(e.Stream, who, what), Count: 1, Earliest: e.At, Latest: e.At, Delay: e.Ingested - e.At}
	if row.isAttempt() {
		pid, _ := r.field("pid")
		row.PIDs, _ = strconv.ParseInt(pid, 10, 64) // digits, of the server's own
	}
	t.Row(row)
}

// beginning is as much of a message as the query looks at. What is cut off does not pass for a message that ends there.
func beginning(message string) string {
	if len(message) <= looksAt || furtherMark().MatchString(message[looksAt/2:]) {
		return message
	}
	return message[:looksAt] + "\u2026"
}

// Row adds the entries of a row to those of the same kind.
func (t *Tally) Row(r Row) {
	if len(t.rows) >= rowLimit {
		r.Kind = r.Kind.folded()
	}
	sum := t.rows[r.Kind]
	if sum == nil {
		r.Kind = r.Kind.clone()
		t.rows[r.Kind] = &r
		return
	}
	sum.Count += r.Count
	sum.PIDs += r.PIDs
	sum.Earliest = min(sum.Earliest, r.Earliest)
	sum.Latest = max(sum.Latest, r.Latest)
	sum.Delay = max(sum.Delay, r.Delay)
}

// ReadTo does nothing: a tally is asked when the reading is over.
func (t *Tally) ReadTo(context.Context, time.Time) error { return nil }

// Rows gives the rows, in no order.
func (t *Tally) Rows() []Row {
	rows := make([]Row, 0, len(t.rows))
	for _, r := range t.rows {
		rows = append(rows, *r)
	}
	return rows
}

// folded is the kind that the folded query would give.
func (k Kind) folded() Kind {
	if k.Class == ServerNotice {
		k.Class = Other
	}
	k.Canary, k.Server = "", ""
	return k
}

// clone parts the kind's texts from the message or the page that they are parts of.
func (k Kind) clone() Kind {
	k.Stream, k.Names = strings.Clone(k.Stream), strings.Clone(k.Names)
	k.Severity, k.Canary, k.Server = strings.Clone(k.Severity), strings.Clone(k.Canary), strings.Clone(k.Server)
	return k
}
