package evidence_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// A stream of which no stamped entry has either prefix makes evidence incomplete, by events and by rows alike; one of twins in CSV does
// not.
func TestStreamThatNobodyCanRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message  string // after the second
		readable bool
	}{
		"another prefix":        {".000 UTC [4711] ann@app LOG:  connection authorized: user=ann database=app", false},
		"a prefix with a comma": {".000 UTC,ann,app LOG:  connection authorized: user=ann database=app", false},
		"CSV":                   {`.000 UTC,"ann","app",4711,"10.0.0.1:5000",6b02a10b.65,3,"idle",2026-01-01 07:43:01 UTC,3/2,0,LOG,00000,"x"`, true},
		"CSV of the server":     {`.000 UTC,,,101,,6b02a10b.65,3,,2026-01-01 07:43:01 UTC,,0,LOG,00000,"checkpoint starting: time"`, true},
	} {
		for _, byRows := range []bool{false, true} {
			d := newDiary(0)
			d.byRows = byRows
			d.sweep(false, false, "db-0")
			d.lines["db-0.twin"] = append(d.lines["db-0.twin"], line{d.now, d.now, d.now.Format(time.DateTime) + c.message})
			e := d.sweep(false, false, "db-0")
			if told := strings.Contains(fmt.Sprint(e.Reasons), `stream "db-0.twin"`); told == c.readable || e.Complete() != c.readable {
				t.Errorf("%s, by rows %v: complete %v, reasons %q", name, byRows, e.Complete(), e.Reasons)
			}
		}
	}
}

// What the second reading comes upon that nobody can read, long before the first began, breaks its cover: it begins after the last such
// entry, and goes back no further, also by another version of the query. The run that comes upon it tells so, and judges nobody.
func TestUnreadableEntriesBreakTheCover(t *testing.T) {
	t.Parallel()
	const login, masked = ":[99]:LOG:  connection authorized: user=ann database=app", "10.0.0.1(5000):****************@app"
	for name, c := range map[string]struct {
		stream string
		lines  map[time.Duration]string // by how long ago, what follows the second
		breaks int                      // days ago; 0 = nothing is broken
		told   string
	}{
		"a masked login":            {"db-0.0", map[time.Duration]string{40 * day: " UTC:" + masked + login}, 40, "masked LOG"},
		"masked statements":         {"db-0.0", map[time.Duration]string{44 * day: " UTC:" + masked + ":[99]:ERROR:  division by zero", 30 * day: " UTC:" + masked + ":[99]:STATEMENT:  select 1/0"}, 30, "masked STATEMENT"},
		"of a reader that is gone":  {"db-7.0", map[time.Duration]string{40 * day: " UTC:" + masked + login}, 40, "masked LOG"},
		"a masked name is refused":  {"db-0.0", map[time.Duration]string{40 * day: " UTC:" + masked + ":[99]:FATAL:  no pg_hba.conf entry"}, 0, ""},
		"another prefix":            {"db-0.1", map[time.Duration]string{60 * day: " UTC [99] ann@app LOG:  connection authorized: user=ann", 35 * day: " UTC [99] LOG:  checkpoint"}, 35, "another log_line_prefix"},
		"another prefix for a week": {"db-0.1", map[time.Duration]string{60 * day: " UTC [99] ann@app LOG:  connection authorized: user=ann", 20 * day: " UTC:10.0.0.1(5000):ann@app" + login}, 60, "another log_line_prefix"},
		"a line that looks like it": {"db-0.1", map[time.Duration]string{61 * day: " UTC [99] ann@app LOG:  connection authorized: user=ann", 61*day - time.Minute: " UTC:10.0.0.1(5000):ann@app" + login}, 0, ""},
		"twins in CSV":              {"db-0.1", map[time.Duration]string{60 * day: `.000 UTC,"ann","app",99,"10.0.0.1:5000",6b.1,1,"idle",`}, 0, ""},
	} {
		d := newDiary(0)
		d.ageLog("db-0", 120)
		for ago, text := range c.lines {
			at := d.now.Add(-ago)
			d.lines[c.stream] = append(d.lines[c.stream], line{at, at, at.Format(time.DateTime) + text})
		}
		began, broken := d.now, d.now.AddDate(0, 0, -c.breaks)
		e := d.sweep(false, false, "db-0")
		told := strings.Contains(fmt.Sprint(e.Reasons), c.told) && strings.Contains(fmt.Sprint(e.Reasons), "nobody can tell whose they are")
		if e.Complete() || told != (c.breaks > 0) { // no first run is complete
			t.Errorf("%s: reasons %q", name, e.Reasons)
		}
		if unread := len(e.Named("db-0").Unread()); c.breaks > 0 && c.stream != "db-7.0" && unread == 0 {
			t.Errorf("%s: nothing counts as unread", name)
		}
		for n, version := range []string{logread.QueryVersion, "earlier"} {
			for instance, r := range d.records {
				r.Streams = strings.ReplaceAll(r.Streams, logread.QueryVersion, version)
				d.records[instance] = r
			}
			e = d.sweep(false, false, "db-0")
			from := e.SecondCover().From
			if c.breaks > 0 && !from.Equal(broken) || c.breaks == 0 && from.After(began.AddDate(0, 0, -89)) || n == 0 && !e.Complete() {
				t.Errorf("%s, sweep %d: complete %v %q, it covers the time since %s", name, n, e.Complete(), e.Reasons, from)
			}
			if lacks := e.CoverLacks(80 * day); strings.Contains(lacks, c.told) != (c.breaks > 0) && c.told != "" {
				t.Errorf("%s: it is lacking since %q", name, lacks)
			}
		}
	}
}

// A second reading that ended early goes on no further back than to what nobody can read: that cannot be covered.
func TestReadingOnEndsAtWhatNobodyCanRead(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.ageLog("db-0", 120)
	masked := d.now.AddDate(0, 0, -10)
	d.lines["db-0.0"] = append(d.lines["db-0.0"], line{masked, masked, masked.Format(time.DateTime) + " UTC:10.0.0.1(5000):*****@app:[99]:STATEMENT:  select 1"})
	e := evidence.New(d.now, evidence.Options{Longest: 90 * day})
	e.Enroll([]cluster.Instance{{Name: "db-0", Group: group, Created: d.now.AddDate(-1, 0, 0)}}, nil)
	e.Watch(evidence.NewLog(d.now, evidence.Names{}))
	for _, s := range e.SecondReading(group, 0)[:3] { // what is new, and two weeks
		rows := logread.NewTally()
		d.each(s, rows.Event)
		e.Covered(group, s, rows.Rows())
	}
	for _, s := range e.SecondReading(group, 0) {
		if s.From.Before(masked) {
			t.Errorf("it goes on from %s", s.From)
		}
	}
	if c := e.SecondCover(); !c.From.Equal(masked) {
		t.Errorf("it covers the time since %s, want %s", c.From, masked)
	}
}
