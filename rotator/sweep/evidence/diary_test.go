package evidence_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

const (
	day   = 24 * time.Hour
	group = "/aws/rds/cluster/c/postgresql"
)

// diary is the log and the table of a cluster that is swept once a day.
type diary struct {
	now      time.Time
	keep     time.Duration // the log group's retention; 0 = for ever
	lag      time.Duration
	records  map[string]account.LogRecord
	lines    map[string][]line    // by stream
	impaired bool                 // the runs cannot look everywhere
	unread   bool                 // the runs cannot read the log
	once     bool                 // they read it once: no query of the second reading ends
	byRows   bool                 // their first reading is of rows
	anew     time.Time            // when the log group was made; zero = long ago
	created  map[string]time.Time // when instances were; long ago if not here
	active   []account.Activity
}

type line struct {
	at, arrives time.Time
	message     string
}

func newDiary(keep time.Duration) *diary {
	return &diary{now: time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC), keep: keep, records: map[string]account.LogRecord{}, lines: map[string][]line{}}
}

func (d *diary) write(stream, message string) {
	d.lines[stream] = append(d.lines[stream], line{d.now, d.now, d.now.Format(time.DateTime) + " UTC:" + message})
}

// late writes what arrives only after a time.
func (d *diary) late(stream string, by time.Duration, message string) {
	d.lines[stream] = append(d.lines[stream], line{d.now, d.now.Add(by), d.now.Format(time.DateTime) + " UTC:" + message})
}

// entry writes a role's login, or what another entry of its connection says.
func (d *diary) entry(stream, role, message string) {
	d.write(stream, "10.0.0.1(5000):"+role+"@app:[99]:"+message)
}

// ageLog has an instance have written, now and then, for so many days.
func (d *diary) ageLog(name string, days int) {
	for ago := days; ago > 0; ago-- {
		at := d.now.AddDate(0, 0, -ago)
		d.lines[name+".0"] = append(d.lines[name+".0"], line{at, at, at.Format(time.DateTime) + " UTC:" + checkpoint})
	}
}

// sweep lets a day pass in which every instance writes, and sweeps. The login of a run is logged unless unlogged.
func (d *diary) sweep(dryRun, unlogged bool, names ...string) *evidence.Evidence {
	for range 24 {
		d.now = d.now.Add(time.Hour)
		for _, name := range names {
			d.write(name+".0", ":@:[7]:LOG:  checkpoint starting: time")
		}
	}
	return d.run(dryRun, unlogged, names...)
}

func (d *diary) run(dryRun, unlogged bool, names ...string) *evidence.Evidence {
	e := evidence.New(d.now, evidence.Options{Lag: d.lag, Longest: 90 * day, Stack: "s"})
	if d.impaired {
		e.CannotSee("RDS does not answer.")
	}
	var records []account.LogRecord
	for _, r := range d.records {
		records = append(records, r)
	}
	var live []cluster.Instance
	for _, name := range names {
		created := d.created[name]
		if created.IsZero() {
			created = d.now.Add(-1000 * day)
		}
		live = append(live, cluster.Instance{Name: name, Group: group, Created: created})
	}
	e.Enroll(live, records)
	for _, name := range names {
		canary := evidence.NewCanary(d.now)
		e.Named(name).See(evidence.Sighting{Canary: canary, Look: evidence.Look{At: d.now},
			Logging: account.Logging{Connections: "on", LinePrefix: "%t:%r:%u@%d:[%p]:", Destination: "stderr"}})
		if !unlogged {
			d.write(name+".0", "10.0.0.1(1000):app_a@app:[8]:LOG:  connection authorized: user=app_a database=app application_name="+canary)
		}
	}
	log := evidence.NewLog(d.now, evidence.Names{Roles: []string{"app_a", "ann", "bob"}, Databases: []string{"app"}, Own: map[string]bool{"app_a": true}, Stack: "s"})
	e.Watch(log)
	for _, group := range e.Groups() {
		e.GroupMade(group, d.anew)
		e.Retain(group, d.keep)
		if !d.unread {
			d.feed(log, e.ReadFrom(group))
			e.GroupRead(group)
			d.readAgain(e, group)
		}
	}
	log.End()
	d.store(e.Conclude())
	d.active = e.Active()
	if settled := e.Settled(); settled != nil && !dryRun {
		d.store(settled, nil)
	}
	return e
}

func (d *diary) feed(log *evidence.Log, from time.Time) {
	stretch := evidence.Stretch{From: from, To: d.now.Add(time.Second)}
	if d.byRows {
		rows := logread.NewTally()
		d.each(stretch, rows.Event)
		for _, r := range rows.Rows() {
			log.Row(r)
		}
	} else {
		d.each(stretch, log.Event)
	}
	log.ReadTo(stretch.To)
}

// each gives the events of a stretch that have come and are kept.
func (d *diary) each(s evidence.Stretch, give func(logread.Event)) {
	for stream, lines := range d.lines {
		for _, l := range lines {
			kept := d.keep == 0 || l.at.After(d.now.Add(-d.keep))
			if kept && !l.at.Before(s.From) && l.at.Before(s.To) && !l.arrives.After(d.now) {
				give(logread.Event{Stream: stream, At: l.at.UnixMilli(), Ingested: l.arrives.UnixMilli(), Message: l.message})
			}
		}
	}
}

// readAgain is the second reading, which finds nobody.
func (d *diary) readAgain(e *evidence.Evidence, group string) {
	for _, s := range e.SecondReading(group, d.keep) {
		if d.once {
			continue
		}
		rows := logread.NewTally()
		d.each(s, rows.Event)
		e.Covered(group, s, rows.Rows())
	}
}

func (d *diary) store(records []account.LogRecord, forget []string) {
	for _, r := range records {
		d.records[r.Instance] = r
	}
	for _, name := range forget {
		delete(d.records, name)
	}
}

// seen tells whether the last run found a role active.
func (d *diary) seen(role string) bool {
	return slices.ContainsFunc(d.active, func(a account.Activity) bool { return a.Role == role })
}

// What a stream was late with when its instance was first read is read once it has come, though the first reading of that run had seen
// nothing of the stream: the second had.
func TestStreamThatIsLateAtFirstSight(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.write("db-0.1", ":@:[7]:LOG:  checkpoint starting: time")
	d.now = d.now.Add(12 * time.Hour)
	d.entry("db-0.1", "ann", "LOG:  connection authorized: user=ann database=app")
	d.lines["db-0.1"][1].arrives = d.now.Add(60 * time.Hour)
	for range 2 {
		if d.sweep(false, false, "db-0"); d.seen("ann") {
			t.Fatal("seen before it has come")
		}
	}
	if e := d.sweep(false, false, "db-0"); !d.seen("ann") {
		t.Errorf("not seen; evidence from %s to %s", e.From(), e.To())
	}
}

// The last login on a reader of several streams is known once the reader is gone: the evidence's end waits for it no more.
func TestLastLoginOnAReaderThatIsGone(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.sweep(false, false, "db-0", "db-1")
	d.entry("db-1.1", "bob", "LOG:  connection authorized: user=bob database=app")
	d.sweep(false, false, "db-0", "db-1")
	d.entry("db-1.0", "ann", "LOG:  connection authorized: user=ann database=app")
	if d.sweep(false, false, "db-0"); !d.seen("ann") {
		t.Error("the login waits for a stream that writes no more")
	}
}

// What a reader wrote that came and went between two runs is read also where it comes after the run that found its streams: a login, and
// the refusal of one.
func TestLastLinesOfAReaderThatNobodyKnew(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.sweep(false, false, "db-0")
	holdLastLines(t, d)
}

// The same holds of one that has the name of another, which is long gone.
func TestLastLinesOfAReaderUnderAFormersName(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.sweep(false, false, "db-0", "db-1")
	for range 5 {
		d.sweep(false, false, "db-0")
	}
	holdLastLines(t, d)
}

func holdLastLines(t *testing.T, d *diary) {
	t.Helper()
	d.write("db-1.0", ":@:[7]:LOG:  database system is ready to accept read-only connections")
	d.now = d.now.Add(time.Hour)
	d.entry("db-1.1", "bob", "LOG:  connection authorized: user=bob database=app")
	for _, text := range []string{
		"10.0.0.1(5000):bob@app:[99]:FATAL:  role \"bob\" is not permitted to log in",
		"10.0.0.1(5001):ann@app:[98]:LOG:  connection authorized: user=ann database=app",
	} {
		d.lines["db-1.0"] = append(d.lines["db-1.0"], line{d.now, d.now.Add(30 * time.Hour), d.now.Format(time.DateTime) + " UTC:" + text})
	}
	if d.sweep(false, false, "db-0"); d.seen("bob") {
		t.Error("a login counts before its refusal has come")
	}
	if d.sweep(false, false, "db-0"); d.seen("bob") || !d.seen("ann") {
		t.Errorf("once all has come: %v", d.active)
	}
}

// What a reader wrote last is waited for, once it is gone or has another name, as long as its lines have come late.
func TestLastLinesOfAReaderThatWasLate(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.write("db-1.1", checkpoint)
	d.sweep(false, false, "db-0", "db-1")
	d.late("db-1.1", 40*time.Hour, checkpoint)
	d.sweep(false, false, "db-0", "db-1")
	d.sweep(false, false, "db-0", "db-1")
	d.late("db-1.1", 76*time.Hour, annsLogin)
	holdOnceCome(t, d)
}

// A stream of it need not have been late before.
func TestLastLinesThatAreLateForTheFirstTime(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.sweep(false, false, "db-0", "db-1")
	d.late("db-1.1", 76*time.Hour, annsLogin)
	for range 3 {
		if d.sweep(false, false, "db-0"); d.seen("ann") {
			t.Fatal("seen before it has come")
		}
	}
	if d.sweep(false, false, "db-0"); !d.seen("ann") {
		t.Error("what comes late is not read any more")
	}
}

// The same holds of one that came and went between two runs, and shows how late it is only by then.
func TestLastLinesOfALateReaderThatNobodyKnew(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.write("db-0.1", checkpoint)
	d.sweep(false, false, "db-0")
	d.write("db-0.1", checkpoint) // with which the reading begins until there is another
	d.late("db-1.0", 60*time.Hour, checkpoint)
	d.late("db-1.0", 76*time.Hour, annsLogin)
	d.lines["db-0.1"] = append(d.lines["db-0.1"], line{d.now.Add(50 * time.Hour), d.now.Add(50 * time.Hour), d.now.Add(50*time.Hour).Format(time.DateTime) + " UTC:" + checkpoint})
	holdOnceCome(t, d)
}

const (
	checkpoint = ":@:[7]:LOG:  checkpoint starting: time"
	annsLogin  = "10.0.0.1(5000):ann@app:[99]:LOG:  connection authorized: user=ann database=app"
)

// holdOnceCome sweeps until what is three days late has come.
func holdOnceCome(t *testing.T, d *diary) {
	t.Helper()
	written := d.now
	for range 3 {
		e := d.sweep(false, false, "db-0")
		if d.seen("ann") {
			t.Fatal("seen before it has come")
		}
		if to := e.ArrivedTo(); e.Named("db-1") != nil && to.After(written) {
			t.Errorf("all is said to have come up to %s, when a line of %s is on its way", to, written)
		}
	}
	if d.sweep(false, false, "db-0"); !d.seen("ann") {
		t.Error("what comes late is not read any more")
	}
}

// A refusal that is the rest of an entry that was cut is none, also where it is delivered twice.
func TestForgedRefusalDeliveredTwice(t *testing.T) {
	t.Parallel()
	for _, times := range []int{1, 2, 3} {
		d := newDiary(0)
		d.sweep(false, false, "db-0")
		d.entry("db-0.0", "ann", "LOG:  connection authorized: user=ann database=app")
		d.entry("db-0.0", "bob", "STATEMENT:  select '"+fmt.Sprintf("%0200000d", 0))
		for range times {
			d.entry("db-0.0", "ann", `FATAL:  role "ann" is not permitted to log in`)
		}
		d.sweep(false, false, "db-0")
		if !d.seen("ann") {
			t.Errorf("delivered %d times, it hides the login", times)
		}
	}
}

// Masked entries are a gap: whose they were nobody can tell, also after the run that has gone past them.
func TestMaskedEntriesAreAGap(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.sweep(false, false, "db-0")
	d.sweep(false, false, "db-0")
	masked := d.now
	d.entry("db-0.0", "*****", "LOG:  connection authorized: user=***** database=app")
	if e := d.sweep(false, false, "db-0"); e.Complete() || !e.From().Equal(masked) || e.Doubted.IsZero() {
		t.Errorf("complete %v, from %s, want %s, doubted %s", e.Complete(), e.From(), masked, e.Doubted)
	}
	if e := d.sweep(false, false, "db-0"); !e.Complete() || !e.From().Equal(masked) {
		t.Errorf("afterwards: complete %v %q, from %s", e.Complete(), e.Reasons, e.From())
	}
}

// The same holds on an instance that was deleted before a run came to read them, also on one that no run has seen.
func TestMaskedEntriesOfAReaderThatIsGone(t *testing.T) {
	t.Parallel()
	for name, before := range map[string][]string{"known": {"db-0", "db-1"}, "never seen": {"db-0"}} {
		d := newDiary(0)
		d.sweep(false, false, before...)
		d.sweep(false, false, before...)
		d.write("db-1.0", ":@:[7]:LOG:  database system is ready to accept read-only connections")
		d.now = d.now.Add(time.Minute)
		masked := d.now
		d.entry("db-1.0", "*****", "LOG:  connection authorized: user=***** database=app")
		if e := d.sweep(false, false, "db-0"); e.Complete() || !e.From().Equal(masked) || e.Doubted.IsZero() {
			t.Errorf("%s: complete %v, from %s, want %s, doubted %s", name, e.Complete(), e.From(), masked, e.Doubted)
		}
	}
}

// A refusal that is a part of a stranger's names, as the event after it shows, is none, whichever of the two is delivered twice.
func TestRefusalInNamesDeliveredTwice(t *testing.T) {
	t.Parallel()
	refusal := `10.0.0.1(5000):ann@app:[99]:FATAL:  role "ann" is not permitted to log in`
	for name, events := range map[string][]string{
		"once":                 {refusal, ":[100]"},
		"before the rest":      {refusal, refusal, ":[100]"},
		"after the rest":       {refusal, ":[100]", refusal},
		"both":                 {refusal, refusal, ":[100]", ":[100]"},
		"after it, with other": {refusal, ":[100]", refusal, "other"},
	} {
		d := newDiary(0)
		d.sweep(false, false, "db-0")
		d.entry("db-0.0", "ann", "LOG:  connection authorized: user=ann database=app")
		for _, text := range events {
			switch text {
			case ":[100]":
				d.lines["db-0.0"] = append(d.lines["db-0.0"], line{d.now, d.now, `:[100]:FATAL:  password authentication failed for user "x`})
			case "other":
				d.write("db-0.0", ":@:[7]:LOG:  checkpoint complete")
			default:
				d.write("db-0.0", text)
			}
		}
		d.sweep(false, false, "db-0")
		if !d.seen("ann") {
			t.Errorf("delivered twice %s, it hides the login", name)
		}
	}
}

// A stream that is late is waited for also while the log cannot be read, however long that takes.
func TestUnreadLogDoesNotAdvance(t *testing.T) {
	t.Parallel()
	d := newDiary(0)
	d.sweep(false, false, "db-0")
	d.write("db-0.1", ":@:[7]:LOG:  checkpoint starting: time")
	d.sweep(false, false, "db-0")
	before := d.records["db-0"].ProcessedTo
	login := line{d.now.Add(-12 * time.Hour), d.now.Add(4 * day), ""}
	login.message = login.at.Format(time.DateTime) + " UTC:10.0.0.1(5000):ann@app:[99]:LOG:  connection authorized: user=ann database=app"
	d.lines["db-0.1"] = append(d.lines["db-0.1"], login)
	d.unread = true
	for range 5 {
		d.sweep(false, false, "db-0")
		if to := d.records["db-0"].ProcessedTo; !to.Equal(before) {
			t.Fatalf("nothing was read, and it counts as read up to %s, before %s", to, before)
		}
	}
	d.unread = false
	if d.sweep(false, false, "db-0"); !d.seen("ann") {
		t.Error("what came late meanwhile is not read")
	}
}
