package sweep

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
)

// Allowances of the evidence.
const (
	firstSight   = 24 * time.Hour  // how far back the log is read the first time
	reread       = 2 * time.Second // besides the lag: event times are whole seconds
	maxSkew      = time.Minute     // between the clocks of function and instances
	expiryMargin = time.Hour       // events near the end of their retention may vanish while they are read
)

// instance is one server, or one that is gone, in one run.
type instance struct {
	account.LogRecord
	live     bool
	fresh    bool          // this run is the first to know it
	born     bool          // made since the others' logs were last read, and read from its birth
	group    string        // its log group
	readFrom time.Time     // zero = its log need not be read
	read     bool          // its log was read to the end
	gap      bool          // events were lost before they were read
	pending  []string      // canaries of earlier runs that were not found yet, newest first
	lost     time.Time     // when one was made that was not logged, until a run has undone what rests on it; zero = none
	patience time.Duration // how long its last lines are waited for once it is gone
	sighting sighting
	log      *logged
}

// sighting is what this run's own login found on a live instance.
type sighting struct {
	canary  string // "" = no login
	skew    time.Duration
	logging account.Logging
	fault   error // why there was no login
}

// evidence is what one run knows of who was active, and of how far that can be trusted. It is pure: it does no I/O and asks no
// clock.
type evidence struct {
	start     time.Time // of the run, by the writer's clock
	options   Options
	instances []*instance
	reasons   []string
	blind     bool      // RDS did not tell which instances live
	unseen    bool      // sessions may be open where this run could not look
	doubted   time.Time // since when, at the latest, some log had stopped unnoticed; zero = none had
}

func newEvidence(start time.Time, o Options) *evidence {
	return &evidence{start: start, options: o}
}

// doubt notes why the evidence is not complete.
func (e *evidence) doubt(format string, args ...any) {
	e.reasons = append(e.reasons, fmt.Sprintf(format, args...))
}

// cannotSee notes a doubt about a part of the database where roles may have sessions open.
func (e *evidence) cannotSee(format string, args ...any) {
	e.unseen = true
	e.doubt(format, args...)
}

// enroll brings together the instances that live and the records of earlier runs, and says from where on each log is to be read.
// Where RDS does not tell which instances live, none is read, and what is known of them stays as it is.
func (e *evidence) enroll(live []cluster.Instance, records []account.LogRecord) {
	e.blind = len(live) == 0
	byName := map[string]*instance{}
	for _, r := range records {
		i := &instance{LogRecord: r, group: cluster.InstanceGroup(r.Instance), patience: goneAfter}
		i.pending, i.lost = parted(r.Canary)
		e.distrust(i.lost)
		byName[r.Instance] = i
		e.instances = append(e.instances, i)
	}
	for _, l := range live {
		i := byName[l.Name]
		if i == nil {
			i = &instance{LogRecord: account.LogRecord{Instance: l.Name}, fresh: true}
			e.instances = append(e.instances, i)
		}
		i.live, i.group = true, l.Group
	}
	earliest, claim := e.earliest(), e.claim()
	for _, l := range live {
		e.begin(e.named(l.Name), l.Created, earliest, claim)
	}
	for _, i := range e.instances {
		if !i.live && !e.blind && !i.CanaryAt.IsZero() {
			i.readFrom = e.back(i.ProcessedTo) // what it wrote until its end is still to be read
		}
		if !i.live && len(live) > 0 && cluster.SharedGroup(live[0].Group) {
			i.group = live[0].Group // all instances of a cluster share one group
		}
	}
}

// begin says from where on a live instance's log is read, and since when its record is unbroken:
//
//	known before                                             where the last run ended, less lag and re-reading
//	made after the others' logs were last read               its birth; its record is as unbroken as the others'
//	back under the name of one that was gone, made since     the same
//	seen for the first time                                  24 hours back, and no record before that
func (e *evidence) begin(i *instance, created, earliest, claim time.Time) {
	known := !i.fresh && !(i.CanaryAt.IsZero() && created.After(i.ProcessedTo) && !earliest.IsZero())
	switch {
	case known:
		i.readFrom = e.back(i.ProcessedTo)
	case !earliest.IsZero() && !created.IsZero() && !created.Before(earliest):
		i.born = true
		i.ProcessedTo, i.EvidenceFrom = created.UTC().Truncate(time.Second), later(i.EvidenceFrom, claim)
		i.readFrom = e.back(i.ProcessedTo)
	default:
		i.readFrom = e.start.Add(-firstSight).Truncate(time.Second)
		i.ProcessedTo, i.EvidenceFrom = i.readFrom, later(i.EvidenceFrom, i.readFrom)
	}
}

// back is where a log read up to t is read on: event times are whole seconds, and lines may come late.
func (e *evidence) back(t time.Time) time.Time {
	return t.Add(-reread - e.options.Lag).Truncate(time.Second)
}

// earliest is up to where the logs of all known live instances are read; zero = none is known.
func (e *evidence) earliest() time.Time {
	var t time.Time
	for _, i := range e.instances {
		if i.live && !i.fresh && (t.IsZero() || i.ProcessedTo.Before(t)) {
			t = i.ProcessedTo
		}
	}
	return t
}

// claim is since when the records of all known instances are unbroken.
func (e *evidence) claim() time.Time {
	var t time.Time
	for _, i := range e.instances {
		t = later(t, i.EvidenceFrom)
	}
	return t
}

func (e *evidence) named(name string) *instance {
	at := slices.IndexFunc(e.instances, func(i *instance) bool { return i.Instance == name })
	if at < 0 {
		return nil
	}
	return e.instances[at]
}

// retain takes account of how long a group keeps its events; 0 = for ever. What expired before it was read is a gap. The last
// lines of an instance that is gone are not waited for until they expire.
func (e *evidence) retain(group string, retention time.Duration) {
	if retention == 0 {
		return
	}
	kept := e.start.Add(-retention + expiryMargin).Truncate(time.Second)
	for _, i := range e.instances {
		if i.group != group || i.readFrom.IsZero() {
			continue
		}
		i.patience = min(goneAfter, retention/2)
		if !i.readFrom.Before(kept) {
			continue
		}
		i.readFrom = kept
		if i.fresh && !i.born {
			i.ProcessedTo, i.EvidenceFrom = kept, later(i.EvidenceFrom, kept)
		} else if i.ProcessedTo.Before(kept) {
			i.gap, i.EvidenceFrom = true, later(i.EvidenceFrom, kept)
			e.doubt("Log events of instance %s expired before they were read: log group %s keeps them for %d days, and the last were read up to %s. Let it keep them longer, and sweep more often; what happened meanwhile counts against nobody.",
				i.Instance, group, int(retention/day), i.ProcessedTo.Format(time.RFC3339))
		}
	}
}

// readFrom is where the reading of a group begins; zero = nothing is to be read.
func (e *evidence) readFrom(group string) time.Time {
	var from time.Time
	for _, i := range e.instances {
		if i.group == group && !i.readFrom.IsZero() && (from.IsZero() || i.readFrom.Before(from)) {
			from = i.readFrom
		}
	}
	return from
}

// groups lists the log groups to be read.
func (e *evidence) groups() []string {
	var groups []string
	for _, i := range e.instances {
		if !i.readFrom.IsZero() && !slices.Contains(groups, i.group) {
			groups = append(groups, i.group)
		}
	}
	slices.Sort(groups)
	return groups
}

// watch has the fold look for the canaries that are still to be found.
func (e *evidence) watch(f *fold) {
	for _, i := range e.instances {
		i.log = f.instance(i.Instance)
		for _, canary := range i.pending {
			i.log.canaries[canary] = false
		}
	}
}

// groupRead notes that a group was read to its end.
func (e *evidence) groupRead(group string) {
	for _, i := range e.instances {
		if i.group == group && !i.readFrom.IsZero() {
			i.read = true
		}
	}
}

// groupMissing notes that a group does not exist. Of an instance that is gone too nothing more is to come.
func (e *evidence) groupMissing(group string) {
	for _, i := range e.instances {
		if i.group == group {
			i.read, i.readFrom = !i.live, time.Time{}
		}
	}
}

// progress is what to store before and while reading. The log counts as read up to the newest event seen in it, never further: a
// log that is silent or late does not advance. Logins that wait for their refusal are left to be read again.
func (e *evidence) progress(f *fold) []account.LogRecord {
	var records []account.LogRecord
	for _, i := range e.instances {
		r := i.LogRecord
		r.ProcessedTo = e.advance(i, f.oldestPending(i.log))
		r.CanaryAt = e.seenAt(i)
		// One that is found is noted at once: a run that goes on from here does not read it again.
		waiting := slices.DeleteFunc(slices.Clone(i.pending), func(canary string) bool { return i.log.canaries[canary] })
		r.Canary = joined(i.sighting.canary, waiting, i.lost)
		records = append(records, r)
	}
	return records
}

// advance is up to where an instance's log is read. limit, ms since 1970, is not passed; 0 = no limit.
func (e *evidence) advance(i *instance, limit int64) time.Time {
	newest := i.log.newest
	if limit > 0 {
		newest = min(newest, limit)
	}
	to := time.UnixMilli(newest).UTC()
	if latest := e.start.Add(-e.options.Lag); to.After(latest) {
		to = latest
	}
	return later(i.ProcessedTo, to)
}

// conclude judges the evidence once the logs are read, and gives the records to store and those to forget.
func (e *evidence) conclude(f *fold) (records []account.LogRecord, forget []string) {
	claim := e.claim()
	for _, i := range e.instances {
		e.judge(i)
	}
	e.adopt(f, claim)
	for _, i := range e.instances {
		if e.expired(i) {
			forget = append(forget, i.Instance)
			continue
		}
		records = append(records, i.LogRecord)
	}
	e.instances = slices.DeleteFunc(e.instances, e.expired)
	return records, forget
}

// judge says what is in doubt about an instance's record, and brings the record up to date.
func (e *evidence) judge(i *instance) {
	i.ProcessedTo = e.advance(i, 0)
	if i.live {
		e.judgeLive(i)
	}
	if !e.blind {
		e.judgeCanaries(i)
	}
	i.CanaryAt = e.seenAt(i)
	i.Canary = joined(i.sighting.canary, i.pending, i.lost)
}

func (e *evidence) judgeLive(i *instance) {
	s := i.sighting
	switch {
	case s.fault != nil:
		e.doubt("Instance %s cannot be looked at: %v.", i.Instance, s.fault)
	case s.logging.Fault() != "":
		e.doubt("The log of instance %s does not show its logins: %s, in its parameter group.", i.Instance, s.logging.Fault())
	case s.skew.Abs() > maxSkew:
		e.doubt("The clock of instance %s and that of the function differ by %s: the times of its log cannot be compared with those of the others.",
			i.Instance, s.skew.Abs().Truncate(time.Second))
	}
	if i.read && i.log.events == 0 {
		e.doubt("No log event of instance %s was found in log group %s since %s: is the export of its PostgreSQL log to CloudWatch Logs on?",
			i.Instance, i.group, i.readFrom.Format(time.RFC3339))
	}
}

// adopt makes records of instances that came and went between two runs: their streams remain, RDS has forgotten them.
func (e *evidence) adopt(f *fold, claim time.Time) {
	for name, log := range f.instances {
		if log.newest == 0 || e.named(name) != nil {
			continue
		}
		i := &instance{LogRecord: account.LogRecord{Instance: name}, fresh: true, log: log}
		i.EvidenceFrom = claim
		i.ProcessedTo = e.advance(i, 0)
		e.instances = append(e.instances, i)
	}
	slices.SortFunc(e.instances, func(a, b *instance) int { return strings.Compare(a.Instance, b.Instance) })
}

// expired reports an instance so long gone that its record matters to nobody.
func (e *evidence) expired(i *instance) bool {
	return !i.live && !e.blind && len(i.pending) == 0 && i.lost.IsZero() && later(i.ProcessedTo, i.EvidenceFrom).Before(e.start.Add(-e.options.longest()))
}

// complete reports that roles may be judged.
func (e *evidence) complete() bool { return len(e.reasons) == 0 }

// from is since when every record is unbroken; zero = nothing is known.
func (e *evidence) from() time.Time { return e.claim() }

// to is up to when the logs of all instances that live are read; zero = nothing is known.
func (e *evidence) to() time.Time {
	var t time.Time
	for _, i := range e.instances {
		if i.live && (t.IsZero() || i.ProcessedTo.Before(t)) {
			t = i.ProcessedTo
		}
	}
	return t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier is the earlier of two times; zero = none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
