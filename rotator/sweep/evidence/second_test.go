package evidence_test

import (
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// What an earlier version of the query had covered counts on, of a log that is not kept for as long, also where the first runs of the new
// version read nothing.
func TestCoverOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	for name, failing := range map[string]int{"read at once": 0, "one run fails": 1, "three runs fail": 3, "failing for as long as the log is kept": 6} {
		d := newDiary(6 * day)
		begun := d.now.Add(time.Hour) // when the log begins
		for range 20 {
			d.sweep(false, false, "db-0", "db-1")
		}
		for instance, r := range d.records {
			r.Streams = strings.ReplaceAll(r.Streams, logread.QueryVersion, "earlier")
			d.records[instance] = r
		}
		d.once = true
		for range failing {
			if e := d.sweep(false, false, "db-0", "db-1"); !e.SecondCover().To.IsZero() {
				t.Errorf("%s: nothing was read again, and it covers %v", name, e.SecondCover())
			}
		}
		d.once = false
		e := d.sweep(false, false, "db-0", "db-1")
		c, broken := e.SecondCover(), failing == 6
		if c.To.Before(e.To()) || c.From.After(begun) != broken || broken && c.From.Before(d.now.Add(-6*day)) {
			t.Errorf("%s: the second reading covers %v, what it began with at %s lost %v", name, c, begun, broken)
		}
	}
}

// Instances that exchange their names leave what is covered of each name's own group as it is.
func TestCoverOfInstancesThatExchangeTheirNames(t *testing.T) {
	t.Parallel()
	resources := []string{"db-A", "db-B"}
	var records []account.LogRecord
	for n := range 20 {
		if n == 15 {
			resources[0], resources[1] = resources[1], resources[0]
		}
		var live []cluster.Instance
		for i, name := range []string{"db-0", "db-1"} {
			live = append(live, cluster.Instance{Name: name, Group: cluster.InstanceGroup(name), ResourceID: resources[i], Created: firstRun.AddDate(-1, 0, 0)})
		}
		start := firstRun.AddDate(0, 0, n)
		e := evidence.New(start, evidence.Options{Longest: 90 * day})
		e.Enroll(live, records)
		e.Watch(evidence.NewLog(start, evidence.Names{}))
		for _, group := range e.Groups() {
			for _, s := range e.SecondReading(group, 7*day) {
				e.Covered(group, s, checkpoints(group, s))
			}
		}
		records = concluded(e)
		if c := e.SecondCover(); c.From.After(firstRun) || c.To.Before(start) {
			t.Fatalf("after %d days it covers %s to %s", n, c.From, c.To)
		}
	}
}

// checkpoints are the rows of a stretch of the log of an instance that has a group of its own, and that all the time writes nothing else.
func checkpoints(group string, s evidence.Stretch) []logread.Row {
	name := strings.Split(group, "/")[4]
	return []logread.Row{{Kind: logread.Kind{Stream: name + ".0", Names: "@", Severity: "LOG"}, Count: 2, Earliest: s.From.UnixMilli(), Latest: s.To.UnixMilli() - 1}}
}
