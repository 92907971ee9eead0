package evidence_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/sweep/evidence"
)

// A login that was not logged makes the record begin anew once, also where nobody but dry runs looks at it; what rests on the log
// meanwhile is undone by the first run that may.
func TestLostCanaryOfDryRuns(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.sweep(true, false, "db-0")
	d.sweep(true, true, "db-0")
	made := d.now
	lost := d.sweep(true, false, "db-0")
	if from := lost.From(); lost.Complete() || !from.Equal(d.now) || !lost.Doubted.Equal(made) {
		t.Fatalf("complete %v, from %s, doubted %s, want %s and %s", lost.Complete(), from, lost.Doubted, d.now, made)
	}
	for n := range 3 {
		e := d.sweep(true, false, "db-0")
		if !e.Complete() || !e.From().Equal(lost.Start) || !e.Doubted.Equal(made) {
			t.Errorf("dry run %d afterwards: complete %v %q, from %s, doubted %s", n, e.Complete(), e.Reasons, e.From(), e.Doubted)
		}
	}
	d.sweep(false, false, "db-0")
	if e := d.sweep(false, false, "db-0"); !e.Complete() || !e.Doubted.IsZero() || !e.From().Equal(lost.Start) {
		t.Errorf("after a run that acted: complete %v %q, from %s, doubted %s", e.Complete(), e.Reasons, e.From(), e.Doubted)
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
	if e.Doubted.IsZero() {
		t.Error("the blind run does not know of the login that was not logged")
	}
}

// A reader that a run has found gone is not waited for anew by each run that RDS tells no instances: its lines expire meanwhile.
func TestReaderGoneBeforeBlindRuns(t *testing.T) {
	t.Parallel()
	d := newDiary(4 * day)
	d.sweep(false, false, "db-0", "db-1")
	d.sweep(false, false, "db-0", "db-1")
	d.sweep(false, false, "db-0")
	for n := range 4 {
		d.impaired = true
		d.sweep(false, false)
		d.impaired = false
		if e := d.sweep(false, false, "db-0"); len(e.Gaps) > 0 {
			t.Fatalf("after %d runs that RDS told nothing: %v", n+1, e.Gaps)
		}
	}
}

// A run's own login is looked for by the next also where RDS did not tell the instances: its server is known by when it started.
func TestLoginOfABlindRun(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	start := now.Add(-40 * day)
	for name, c := range map[string]struct {
		first, second time.Time // when the servers started
		pending       []string  // instances in whose logs the login must be found
	}{
		"one server started then":      {start.Add(-time.Microsecond), start, []string{"db-1"}},
		"restarted since":              {start.Add(-day), start.Add(-2 * day), nil},
		"both started then":            {start, start, nil},
		"no record tells of its start": {time.Time{}, time.Time{}, nil},
	} {
		e := evidence.New(now, evidence.Options{Longest: 90 * day})
		e.CannotSee("RDS does not answer.")
		e.Enroll(nil, []account.LogRecord{{Instance: "db-0", StartedAt: c.first}, {Instance: "db-1", StartedAt: c.second}})
		canary := evidence.NewCanary(now)
		e.SeeUntold(evidence.Sighting{Canary: canary, Look: evidence.Look{At: now, Started: start}})
		e.Watch(evidence.NewLog(now, evidence.Names{}))
		for stage, records := range map[string][]account.LogRecord{"before the reading": e.Progress(), "at the end": concluded(e)} {
			var pending []string
			for _, r := range records {
				if strings.Contains(r.Canary, canary) {
					pending = append(pending, r.Instance)
				}
			}
			if !slices.Equal(pending, c.pending) {
				t.Errorf("%s, %s: pending in %q, want %q", name, stage, pending, c.pending)
			}
		}
	}
}

func concluded(e *evidence.Evidence) []account.LogRecord {
	records, _ := e.Conclude()
	return records
}

// Where a run cannot look everywhere, sessions that it does not find count as open.
func TestSessionsOfARunThatCannotLook(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
	last := now.Add(-day)
	for name, c := range map[string]struct {
		breaks func(*evidence.Evidence)
		open   bool
	}{
		"looked everywhere":        {breaks: func(*evidence.Evidence) {}},
		"an instance is not known": {breaks: func(e *evidence.Evidence) { e.CannotSee("The read replica cannot be looked at.") }, open: true},
		"no login on an instance":  {breaks: func(e *evidence.Evidence) { e.Named("db-0").See(evidence.Sighting{Fault: errors.New("no answer")}) }, open: true},
	} {
		e := evidence.New(now, evidence.Options{Longest: 90 * day})
		e.Enroll([]cluster.Instance{{Name: "db-0"}}, []account.LogRecord{{Instance: "db-0", CanaryAt: last}})
		c.breaks(e)
		ended := account.Account{Name: "ended", Tracked: true, LastLogin: last}
		before := account.Account{Name: "earlier", Tracked: true, LastLogin: last.Add(-time.Second)}
		seen := e.Seen([]account.Account{ended, before}, nil)
		if len(seen) != 1 || seen[0].Role != "ended" || seen[0].At.Equal(now) != c.open || now.Sub(seen[0].At) > time.Second {
			t.Errorf("%s: %v", name, seen)
		}
	}
}

// A session that a run saw before any had noted its start, since RDS told it no instance, may have ended just now.
func TestSessionOfARunBeforeTheFirstRecord(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		records []account.LogRecord
		source  string
		counts  bool
	}{
		"no record yet":             {nil, evidence.BySession, true},
		"no record yet, by a login": {nil, evidence.ByLogin, false},
		"another run has noted":     {[]account.LogRecord{{Instance: "db-0", CanaryAt: now.Add(-time.Hour)}}, evidence.BySession, false},
	} {
		e := evidence.New(now, evidence.Options{Longest: 90 * day})
		e.Enroll([]cluster.Instance{{Name: "db-0"}}, c.records)
		seen := e.Seen([]account.Account{{Name: "ann", Tracked: true, LastLogin: now.Add(-day), Source: c.source}}, nil)
		if (len(seen) == 1) != c.counts {
			t.Errorf("%s: %v", name, seen)
		}
	}
}

// The second reading goes back as far as the longest interval, however long records are kept, and a day more.
func TestSecondReadingGoesBackByTheInterval(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	db := cluster.Instance{Name: "db-0", Group: cluster.InstanceGroup("db-0"), Created: now.Add(-400 * day)}
	for _, c := range []struct{ interval, retention, want time.Duration }{
		{60 * day, 0, 61 * day}, {0, 0, 91 * day}, {120 * day, 0, 121 * day}, {60 * day, 30 * day, 30*day - time.Hour}, {1 * day, 0, 2 * day},
	} {
		e := evidence.New(now, evidence.Options{Longest: max(90*day, c.interval), Interval: c.interval})
		e.Enroll([]cluster.Instance{db}, nil)
		e.Watch(evidence.NewLog(now, evidence.Names{}))
		pieces := e.SecondReading(db.Group, c.retention)
		if first := pieces[len(pieces)-1].From; !first.Equal(now.Add(-c.want)) {
			t.Errorf("interval %s, kept %s: it begins %s back, want %s", c.interval, c.retention, now.Sub(first), c.want)
		}
	}
}

// An instance with a log group of its own, made since the last run, has nothing that the second reading could have missed before.
func TestSecondReadingOfANewInstance(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	const retention = 7 * day
	old := cluster.Instance{Name: "db-0", Group: cluster.InstanceGroup("db-0"), Created: now.Add(-400 * day)}
	run := func(records []account.LogRecord, live ...cluster.Instance) (*evidence.Evidence, []account.LogRecord) {
		e := evidence.New(now, evidence.Options{Longest: 90 * day})
		e.Enroll(live, records)
		e.Watch(evidence.NewLog(now, evidence.Names{}))
		for _, i := range live {
			for _, s := range e.SecondReading(i.Group, retention) {
				e.Covered(i.Group, s, checkpoints(i.Group, s))
			}
		}
		return e, e.Records()
	}
	_, records := run(nil, old)
	first := now.Add(-retention)
	for range 30 {
		now = now.Add(day)
		_, records = run(records, old)
	}
	e, _ := run(records, old, cluster.Instance{Name: "db-1", Group: cluster.InstanceGroup("db-1"), Created: now.Add(-time.Hour)})
	if c := e.SecondCover(); c.From.After(first.Add(2*time.Hour)) || c.To.Before(now) {
		t.Errorf("made an hour ago, the cover is %s to %s", c.From, c.To)
	}
	e, _ = run(records, old, cluster.Instance{Name: "db-2", Group: cluster.InstanceGroup("db-2"), Created: now.Add(-60 * day)})
	if c := e.SecondCover(); c.From.Before(now.Add(-retention)) {
		t.Errorf("not known for 60 days, the cover is %s to %s", c.From, c.To)
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
			if e := d.sweep(false, false, "db-0"); n > 0 && !e.Complete() || !e.From().Equal(from) {
				t.Errorf("retention of %d days, run %d without the reader: %q, evidence from %s, want %s", days, n, e.Reasons, e.From(), from)
			}
		}
	}
}

// A text in the column that the sweep did not write is looked for as it is, and was made when the table says.
func TestCanaryOfAnotherMake(t *testing.T) {
	t.Parallel()
	for _, canary := range []string{"canary-1", "test", "my own nonce", evidence.CanaryPrefix + "test", "zzzzzzzzz-1", "lost-x"} {
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
				d.lines["db-0.0"] = []line{{r.CanaryAt, r.CanaryAt, fmt.Sprintf("%s UTC:10.0.0.1(5):app_a@app:[9]:LOG:  connection authorized: user=app_a database=app application_name=%s", r.CanaryAt.Format(time.DateTime), canary)}}
			}
			e := d.sweep(false, false, "db-0")
			want := time.Time{}
			if c.doubted {
				want = r.CanaryAt
			}
			if e.Complete() != c.complete || !e.Doubted.Equal(want) || e.From().Equal(r.EvidenceFrom) == c.doubted {
				t.Errorf("%q, %s: complete %v %q, doubted %s, from %s", canary, name, e.Complete(), e.Reasons, e.Doubted, e.From())
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
