package sweep

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
)

// diary is the log and the table of a cluster that is swept once a day.
type diary struct {
	now      time.Time
	keep     time.Duration // the log group's retention; 0 = for ever
	records  map[string]account.LogRecord
	lines    map[string][]diaryLine // by instance
	impaired bool                   // the runs cannot look everywhere
}

type diaryLine struct {
	at      time.Time
	message string
}

func newDiary(keep time.Duration) *diary {
	return &diary{now: time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC), keep: keep, records: map[string]account.LogRecord{}, lines: map[string][]diaryLine{}}
}

func (d *diary) write(instance, message string) {
	d.lines[instance] = append(d.lines[instance], diaryLine{d.now, d.now.Format(time.DateTime) + " UTC:" + message})
}

// sweep lets a day pass in which every instance writes, and sweeps. The login of a run is logged unless unlogged.
func (d *diary) sweep(dryRun, unlogged bool, names ...string) *evidence {
	for range 24 {
		d.now = d.now.Add(time.Hour)
		for _, name := range names {
			d.write(name, ":@:[7]:LOG:  checkpoint starting: time")
		}
	}
	e, f := newEvidence(d.now, Options{LockDays: 90}), newFold([]string{"app_a"}, []string{"app"}, map[string]bool{"app_a": true})
	if d.impaired {
		e.cannotSee("RDS does not answer.")
	}
	var records []account.LogRecord
	for _, r := range d.records {
		records = append(records, r)
	}
	var live []cluster.Instance
	for _, name := range names {
		live = append(live, cluster.Instance{Name: name, Group: "/aws/rds/cluster/c/postgresql", Created: d.now.Add(-1000 * day)})
	}
	e.enroll(live, records)
	for _, name := range names {
		canary := newCanary(d.now)
		e.named(name).sighting = sighting{canary: canary, logging: account.Logging{Connections: "on"}}
		if !unlogged {
			d.write(name, "10.0.0.1(1000):app_a@app:[8]:LOG:  connection authorized: user=app_a database=app application_name="+canary)
		}
	}
	e.watch(f)
	for _, group := range e.groups() {
		e.retain(group, d.keep)
		d.feed(f, e.readFrom(group))
		e.groupRead(group)
	}
	f.end()
	d.store(e.conclude(f))
	if settled := e.settled(); settled != nil && !dryRun {
		d.store(settled, nil)
	}
	return e
}

func (d *diary) feed(f *fold, from time.Time) {
	for instance, lines := range d.lines {
		for _, line := range lines {
			if kept := d.keep == 0 || line.at.After(d.now.Add(-d.keep)); kept && !line.at.Before(from) {
				f.add(instance+".0", line.at.UnixMilli(), line.message)
			}
		}
	}
	f.endSlice()
}

func (d *diary) store(records []account.LogRecord, forget []string) {
	for _, r := range records {
		d.records[r.Instance] = r
	}
	for _, name := range forget {
		delete(d.records, name)
	}
}

// A login that was not logged makes the record begin anew once, also where nobody but dry runs looks at it; what rests on the log
// meanwhile is undone by the first run that may.
func TestLostCanaryOfDryRuns(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.sweep(true, false, "db-0")
	d.sweep(true, true, "db-0")
	made := d.now
	lost := d.sweep(true, false, "db-0")
	if from := lost.from(); lost.complete() || !from.Equal(d.now) || !lost.doubted.Equal(made) {
		t.Fatalf("complete %v, from %s, doubted %s, want %s and %s", lost.complete(), from, lost.doubted, d.now, made)
	}
	for n := range 3 {
		e := d.sweep(true, false, "db-0")
		if !e.complete() || !e.from().Equal(lost.start) || !e.doubted.Equal(made) {
			t.Errorf("dry run %d afterwards: complete %v %q, from %s, doubted %s", n, e.complete(), e.reasons, e.from(), e.doubted)
		}
	}
	d.sweep(false, false, "db-0")
	if e := d.sweep(false, false, "db-0"); !e.complete() || !e.doubted.IsZero() || !e.from().Equal(lost.start) {
		t.Errorf("after a run that acted: complete %v %q, from %s, doubted %s", e.complete(), e.reasons, e.from(), e.doubted)
	}
}

// While RDS does not tell the instances, what was lost stays to be undone, and what is waited for is waited for.
func TestRecordsOfABlindRun(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.sweep(true, true, "db-0")
	d.sweep(true, false, "db-0")
	before := d.records["db-0"]
	d.impaired = true
	e := d.sweep(true, false)
	before.CanaryAt = d.now
	if after := d.records["db-0"]; after != before {
		t.Errorf("the record was %+v, is %+v", before, after)
	}
	if e.doubted.IsZero() {
		t.Error("the blind run does not know of the login that was not logged")
	}
}

// Where a run cannot look everywhere, sessions that it does not find count as open.
func TestSessionsOfARunThatCannotLook(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
	last := now.Add(-day)
	for name, c := range map[string]struct {
		breaks func(*evidence)
		open   bool
	}{
		"looked everywhere":        {breaks: func(*evidence) {}},
		"an instance is not known": {breaks: func(e *evidence) { e.cannotSee("The read replica cannot be looked at.") }, open: true},
		"no login on an instance":  {breaks: func(e *evidence) { e.named("db-0").sighting.fault = errors.New("no answer") }, open: true},
	} {
		e := newEvidence(now, Options{LockDays: 90})
		e.enroll([]cluster.Instance{{Name: "db-0"}}, []account.LogRecord{{Instance: "db-0", CanaryAt: last}})
		c.breaks(e)
		ended := account.Account{Name: "ended", Tracked: true, LastLogin: last}
		before := account.Account{Name: "earlier", Tracked: true, LastLogin: last.Add(-time.Second)}
		seen := e.seen([]account.Account{ended, before}, nil)
		if len(seen) != 1 || seen[0].Role != "ended" || seen[0].At.Equal(now) != c.open || now.Sub(seen[0].At) > time.Second {
			t.Errorf("%s: %v", name, seen)
		}
	}
}

// The last lines of a reader that is gone are read before the log group forgets them, and then no longer asked for.
func TestGoneReaderAndRetention(t *testing.T) {
	t.Parallel()
	for _, days := range []int{3, 5, 7} {
		d := newDiary(time.Duration(days) * day)
		d.sweep(false, false, "db-0", "db-1")
		d.sweep(false, false, "db-0", "db-1")
		from := d.records["db-0"].EvidenceFrom
		for n := range 8 {
			if e := d.sweep(false, false, "db-0"); n > 0 && !e.complete() || !e.from().Equal(from) {
				t.Errorf("retention of %d days, run %d without the reader: %q, evidence from %s, want %s", days, n, e.reasons, e.from(), from)
			}
		}
	}
}

// A text in the column that the sweep did not write is looked for as it is, and was made when the table says.
func TestCanaryOfAnotherMake(t *testing.T) {
	t.Parallel()
	for _, canary := range []string{"canary-1", "test", "my own nonce", canaryPrefix + "test", "zzzzzzzzz-1", lostPrefix + "x"} {
		for name, c := range map[string]struct {
			logged            bool
			at                time.Duration // before the first run; 0 = the table does not tell
			complete, doubted bool
		}{
			"found":                      {logged: true, at: time.Hour, complete: true},
			"overtaken by later lines":   {at: 2 * time.Hour, doubted: true},
			"not overtaken":              {at: time.Second},
			"at a time that nobody told": {},
		} {
			d := newDiary(0)
			start := d.now.Add(day)
			r := account.LogRecord{Instance: "db-0", ProcessedTo: start.Add(-3 * time.Hour), EvidenceFrom: start.Add(-200 * day), Canary: canary}
			if c.at > 0 {
				r.CanaryAt = start.Add(-c.at)
			}
			d.records["db-0"] = r
			if c.logged {
				d.lines["db-0"] = []diaryLine{{r.CanaryAt, fmt.Sprintf("%s UTC:10.0.0.1(5):app_a@app:[9]:LOG:  connection authorized: user=app_a database=app application_name=%s", r.CanaryAt.Format(time.DateTime), canary)}}
			}
			e := d.sweep(false, false, "db-0")
			want := time.Time{}
			if c.doubted {
				want = r.CanaryAt
			}
			if e.complete() != c.complete || !e.doubted.Equal(want) || e.from().Equal(r.EvidenceFrom) == c.doubted {
				t.Errorf("%q, %s: complete %v %q, doubted %s, from %s", canary, name, e.complete(), e.reasons, e.doubted, e.from())
			}
			if after := d.records["db-0"]; !c.logged && !c.doubted && !strings.HasSuffix(after.Canary, " "+canary) {
				t.Errorf("%q, %s: the table has %q", canary, name, after.Canary)
			}
			if seen := d.records["db-0"].CanarySeenAt; c.logged && !seen.Equal(r.CanaryAt) {
				t.Errorf("%q, %s: seen at %s, want %s", canary, name, seen, r.CanaryAt)
			}
		}
	}
}
