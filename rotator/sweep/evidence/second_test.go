package evidence_test

import (
	"maps"
	"slices"
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

// sweepGroups runs once a day on instances that each have a group of their own, which keeps events for a week, and returns what each run
// covers. live gives the resources of a day, by the instances' names; each is made an hour before the first run that sees it.
func sweepGroups(days int, live func(day int) map[string]string) (covered []evidence.Stretch) {
	var records []account.LogRecord
	made := map[string]time.Time{}
	for n := range days {
		start := firstRun.AddDate(0, 0, n)
		var list []cluster.Instance
		for _, name := range slices.Sorted(maps.Keys(live(n))) {
			resource := live(n)[name]
			if made[resource].IsZero() {
				made[resource] = start.Add(-time.Hour)
			}
			list = append(list, cluster.Instance{Name: name, Group: cluster.InstanceGroup(name), ResourceID: resource, Created: made[resource]})
		}
		e := evidence.New(start, evidence.Options{Longest: 90 * day})
		e.Enroll(list, records)
		log := evidence.NewLog(start, evidence.Names{})
		e.Watch(log)
		for name := range live(n) {
			log.Event(logread.Event{Stream: name + ".0", At: start.UnixMilli(), Message: start.Format(time.DateTime) + " UTC::@:[7]:LOG:  checkpoint starting: time"})
		}
		log.ReadTo(start.Add(time.Second))
		for _, group := range e.Groups() {
			e.Retain(group, 7*day)
			e.GroupRead(group)
			for _, s := range e.SecondReading(group, 7*day) {
				e.Covered(group, s, checkpoints(group, s))
			}
		}
		log.End()
		records = concluded(e)
		covered = append(covered, e.SecondCover())
	}
	return covered
}

// What is covered of instances with groups of their own stays so where they exchange their names, where one gets another name, and where one
// is made anew under the name of another that is long gone.
func TestCoverOfNamesThatGoOn(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]func(day int) map[string]string{
		"exchanged": func(day int) map[string]string {
			if day < 15 {
				return map[string]string{"db-0": "A", "db-1": "B"}
			}
			return map[string]string{"db-0": "B", "db-1": "A"}
		},
		"another name": func(day int) map[string]string {
			if day < 15 {
				return map[string]string{"db-0": "A", "db-1": "B"}
			}
			return map[string]string{"db-0": "A", "db-2": "B"}
		},
		"made anew": func(day int) map[string]string {
			switch {
			case day < 5:
				return map[string]string{"db-0": "A", "db-1": "B"}
			case day < 15:
				return map[string]string{"db-0": "A"}
			}
			return map[string]string{"db-0": "A", "db-1": "C"}
		},
	} {
		for n, c := range sweepGroups(20, live) {
			if c.From.After(firstRun) || c.To.Before(firstRun.AddDate(0, 0, n)) {
				t.Errorf("%s: after %d days it covers %s to %s", name, n, c.From, c.To)
			}
		}
	}
}

// checkpoints are the rows of a stretch of the log of an instance that has a group of its own, and that all the time writes nothing else.
func checkpoints(group string, s evidence.Stretch) []logread.Row {
	name := strings.Split(group, "/")[4]
	return []logread.Row{{Kind: logread.Kind{Stream: name + ".0", Names: "@", Severity: "LOG"}, Count: 2, Earliest: s.From.UnixMilli(), Latest: s.To.UnixMilli() - 1}}
}
