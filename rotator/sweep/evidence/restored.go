package evidence

import (
	"strconv"
	"strings"
	"time"
)

// storedPrefix begins the application_name of the login with which a run says that it has committed:
// pgrotator-stored-STACK-NUMBER.
const storedPrefix = "pgrotator-stored-"

// StoredName is the application_name by which a run of a deployment says that it has committed.
func StoredName(stack string, number int64) string {
	return storedPrefix + stack + "-" + strconv.FormatInt(number, 10)
}

// storedRun is the newest run whose commit a log shows.
type storedRun struct {
	number int64
	at     int64 // ms since 1970
}

// find looks for the mark of a commit in a login of the pair's own.
func (r *storedRun) find(message, stack string, at int64) {
	_, rest, found := strings.Cut(message, " application_name="+storedPrefix+stack+"-")
	if !found {
		return
	}
	digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	if number, err := strconv.ParseInt(digits, 10, 64); err == nil && number > r.number {
		r.number, r.at = number, at
	}
}

// RunNumber is the number of the last run that the tables know; 0 = none of this version has committed.
func (e *Evidence) RunNumber() int64 {
	var n int64
	for _, i := range e.Instances {
		n = max(n, i.LogRecord.RunNumber)
	}
	return n
}

// judgeRestored begins the record anew where the log shows a run that the tables know nothing of: they were restored from a
// snapshot that is older.
func (e *Evidence) judgeRestored() {
	known, at := e.RunNumber(), milli(e.log.stored.at)
	if e.log.stored.number <= known || known == 0 && !e.laterThanKnown(at) {
		return
	}
	for _, i := range e.Instances {
		if i.EvidenceFrom.Before(e.Start) {
			i.EvidenceFrom = e.Start
			e.Gaps = append(e.Gaps, Gap{i.Instance, earlier(i.CanarySeenAt, at), e.Start, "the tables are older than the log: restored from a snapshot"})
		}
		i.LogRecord.RunNumber = e.log.stored.number
	}
	e.Doubt("The log shows the commit of run %d, at %s, and the tables know of %d runs: they were restored from a snapshot. Time counts as idle only from %s on.",
		e.log.stored.number, at.Format(time.RFC3339), known, e.Start.Format(time.RFC3339))
}

// longestRun is as long as Lambda lets a function run.
const longestRun = 15 * time.Minute

// laterThanKnown reports a time after the last run that the tables know, though by no number, as after an upgrade. New tables know of none,
// and have no record to begin anew.
func (e *Evidence) laterThanKnown(t time.Time) bool {
	return !e.lastRun.IsZero() && t.After(e.lastRun.Add(longestRun))
}

// Number gives the run about to commit its number.
func (e *Evidence) Number() int64 {
	n := e.RunNumber() + 1
	for _, i := range e.Instances {
		i.LogRecord.RunNumber = n
	}
	return n
}
