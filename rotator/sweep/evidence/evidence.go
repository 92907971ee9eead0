// Package evidence knows who was active, as the logs of a cluster's instances tell it, and how far that can be trusted: which
// events are activity, up to where each stream is read, what was logged without a break and since when. It is pure: it does no
// I/O and asks no clock.
//
// A run goes through it in one direction: New, Enroll (which instances there are, and what earlier runs knew), then the readers
// fill the Log, then Conclude. Progress is what may be stored meanwhile.
package evidence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
)

// Allowances of the evidence.
const (
	day          = 24 * time.Hour
	firstSight   = day             // how far back a log is read the first time
	reread       = 2 * time.Second // besides the lag: event times are whole seconds
	maxReread    = 4 * day         // a log that comes later than this is not waited for
	maxSkew      = time.Minute     // between the clocks of function and instances
	expiryMargin = time.Hour       // events near the end of their retention may vanish while they are read
)

// Options are what the operator chose, as far as it concerns the evidence.
type Options struct {
	Lag     time.Duration // INGESTION_LAG_SECONDS: how long a line may take to arrive
	Longest time.Duration // how long a record is kept
	// Interval is the longest after which a role is closed, which the second reading has to cover; 0 = none is, and it covers what is kept.
	Interval time.Duration
	Stack    string // tells this deployment's own logins from another's in the same database
}

// Evidence is what one run knows.
type Evidence struct {
	Start     time.Time // of the run, by the writer's clock
	Instances []*Instance
	Reasons   []string // why it is not complete, each with what to do
	Notes     []string // what was noticed, and keeps nobody from being judged
	Gaps      []Gap
	Doubted   time.Time // since when, at the latest, some log was not complete, unnoticed; zero = none was

	options    Options
	log        *Log
	lastRun    time.Time // when the last run began that noted any instance; zero = none did
	readBefore time.Time // up to where the logs of the live instances that are known were read; zero = none is known
	blind      bool      // RDS did not tell which instances live
	unseen     bool      // sessions may be open where this run could not look
	settled    bool
	claim      time.Time              // since when the evidence was complete before this run's reading was judged
	unread     map[unreadKind]*unread // what the second reading alone has come upon
}

// Gap is a stretch of an instance's log that nobody can vouch for: what happened in it counts against nobody.
type Gap struct {
	Instance string
	From, To time.Time
	Cause    string
}

// New begins the evidence of a run that started at a time, by the writer's clock.
func New(start time.Time, o Options) *Evidence {
	return &Evidence{Start: start, options: o}
}

// Doubt notes why the evidence is not complete.
func (e *Evidence) Doubt(format string, args ...any) {
	e.Reasons = append(e.Reasons, fmt.Sprintf(format, args...))
}

// CannotSee notes a doubt about a part of the database where roles may have sessions open.
func (e *Evidence) CannotSee(format string, args ...any) {
	e.unseen = true
	e.Doubt(format, args...)
}

// Note tells what keeps nobody from being judged.
func (e *Evidence) Note(format string, args ...any) {
	e.Notes = append(e.Notes, fmt.Sprintf(format, args...))
}

// Complete reports that roles may be judged.
func (e *Evidence) Complete() bool { return len(e.Reasons) == 0 }

// From is since when every instance's record is unbroken; zero = nothing is known.
func (e *Evidence) From() time.Time {
	var t time.Time
	for _, i := range e.Instances {
		t = later(t, i.EvidenceFrom)
	}
	return t
}

// To is up to when the logs of all instances that live are read; zero = nothing is known.
func (e *Evidence) To() time.Time {
	var t time.Time
	for _, i := range e.Instances {
		if i.Live {
			t = earlier(t, i.ProcessedTo)
		}
	}
	return t
}

// ArrivedTo is up to when no line of the instances that live, or are gone lately, is to come any more, as late as their lines have come
// lately; zero = nothing is known.
func (e *Evidence) ArrivedTo() time.Time {
	var t time.Time
	for _, i := range e.Instances {
		if i.Live || e.Start.Before(i.CanaryAt.Add(e.allowance(i))) {
			t = earlier(t, i.ProcessedTo.Add(-e.allowance(i)))
		}
	}
	return t
}

// Named finds an instance; nil = there is none of that name.
func (e *Evidence) Named(name string) *Instance {
	at := slices.IndexFunc(e.Instances, func(i *Instance) bool { return i.Instance == name })
	if at < 0 {
		return nil
	}
	return e.Instances[at]
}

// Conclude judges the evidence once the logs are read, and gives the records to store and the instances to forget.
func (e *Evidence) Conclude() (records []account.LogRecord, forget []string) {
	e.settle()
	e.judgeContinuity()
	e.judgeRestored()
	e.judgeSecond()
	e.adopt(e.claim)
	for _, i := range e.Instances {
		if e.expired(i) {
			forget = append(forget, i.Instance)
			continue
		}
		records = append(records, i.record())
	}
	e.Instances = slices.DeleteFunc(e.Instances, e.expired)
	return records, forget
}

// settle brings the records of all instances up to date with what was read, once.
func (e *Evidence) settle() {
	if e.settled {
		return
	}
	e.settled, e.claim = true, e.From()
	for _, i := range e.Instances {
		e.judge(i)
	}
}

// judge says what is in doubt about an instance's log, and brings its record up to date.
func (e *Evidence) judge(i *Instance) {
	e.follow(i)
	i.ProcessedTo = e.advance(i)
	if i.Live {
		e.judgeLive(i)
	}
	e.judgeUnread(i)
	if !e.blind {
		e.judgeCanaries(i)
	}
	i.CanaryAt = e.seenAt(i)
}

func (e *Evidence) judgeLive(i *Instance) {
	s := i.Sighting
	switch fault := s.Logging.Fault(); {
	case s.Fault != nil:
		e.Doubt("Instance %s cannot be looked at: %v.", i.Instance, s.Fault)
	case fault != "":
		e.Doubt("The log of instance %s does not show its logins: %s, in its parameter group.", i.Instance, fault)
	case s.Skew.Abs() > maxSkew:
		e.Doubt("The clock of instance %s and that of the function differ by %s: the times of its log cannot be compared with those of the others.",
			i.Instance, s.Skew.Abs().Truncate(time.Second))
	}
	if i.read && i.log.events == 0 {
		e.Doubt("No log event of instance %s was found in log group %s since %s: is the export of its PostgreSQL log to CloudWatch Logs on?",
			i.Instance, i.Group, i.ReadFrom.Format(time.RFC3339))
	}
}

// judgeUnread doubts a log of which something that only a logged-in role causes could not be read. Nobody can tell whose it was: of
// anybody's idle time what is before it counts no more.
func (e *Evidence) judgeUnread(i *Instance) {
	if n := i.log.unreadEntries(); n > 0 {
		e.Doubt("%d log entries of instance %s are by roles whose names cannot be read (masked by a data protection policy?): allow the function logs:Unmask on log group %s.",
			n, i.Instance, i.Group)
		e.breakAt(i, Gap{i.Instance, milli(i.log.unreadFrom), milli(i.log.unreadTo), "entries of roles whose names cannot be read"})
	}
	for _, name := range i.log.unreadableStreams() {
		e.Doubt("No event of stream %q of instance %s begins as log_line_prefix has it, in either of the two forms that RDS allows: who is active there cannot be told. Set log_line_prefix back, or look at what writes into log group %s.",
			name, i.Instance, i.Group)
	}
}

// Strangers are the streams of instances that nobody knows: they came and went between two runs.
func (e *Evidence) Strangers() []string {
	var names []string
	for name, s := range e.log.streams {
		if s.newest != 0 && !slices.ContainsFunc(e.Instances, func(i *Instance) bool { return i.log == s.instance }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// StreamMade notes when a stream of a stranger was made.
func (e *Evidence) StreamMade(name string, at time.Time) {
	if s := e.log.streams[name]; s != nil {
		s.made = at
	}
}

// adopt makes records of instances that came and went between two runs: their streams remain, RDS has forgotten them. Where the
// stream was made after the others were last read, so was the instance, and nothing of it is missing.
func (e *Evidence) adopt(claim time.Time) {
	for name, log := range e.log.instances {
		if log.newest == 0 || e.Named(name) != nil {
			continue
		}
		i := &Instance{LogRecord: account.LogRecord{Instance: name}, log: log, streams: map[string]*stream{}}
		if log.readOn() {
			i.CanaryAt = lastAlive(log)
		}
		i.EvidenceFrom = claim
		if made := log.made(); made.IsZero() || made.Before(e.readBefore) {
			i.EvidenceFrom = later(claim, milli(log.oldest))
		}
		e.follow(i)
		i.ProcessedTo = e.advance(i)
		e.judgeUnread(i)
		e.Instances = append(e.Instances, i)
	}
	slices.SortFunc(e.Instances, func(a, b *Instance) int { return strings.Compare(a.Instance, b.Instance) })
}

// expired reports an instance so long gone that its record matters to nobody.
func (e *Evidence) expired(i *Instance) bool {
	return !i.Live && !e.blind && len(i.pending) == 0 && i.lost.IsZero() && later(i.ProcessedTo, i.EvidenceFrom).Before(e.Start.Add(-e.options.Longest))
}

// Records are the instances' rows as they are now.
func (e *Evidence) Records() []account.LogRecord {
	var records []account.LogRecord
	for _, i := range e.Instances {
		records = append(records, i.record())
	}
	return records
}

// causeWithin is how far from a gap an event of RDS may be to explain it.
const causeWithin = time.Hour

// Cause adds what RDS tells of an instance to the gaps that it may explain.
func (e *Evidence) Cause(instance string, at time.Time, message string) {
	for n := range e.Gaps {
		if g := &e.Gaps[n]; g.Instance == instance && !at.Before(g.From.Add(-causeWithin)) && !at.After(g.To.Add(causeWithin)) {
			g.Cause += fmt.Sprintf("; RDS, %s: %s", at.Format(time.RFC3339), message)
		}
	}
}

// breakAt takes in a gap that the entries of a log show. They are read again by later runs: one before the record's beginning is told and
// undone already.
func (e *Evidence) breakAt(i *Instance, g Gap) {
	if g.To.After(i.EvidenceFrom) {
		e.found(i, g)
	}
}

// found lets an instance's record begin no earlier than at the end of a gap, and doubts what was done since the gap began.
func (e *Evidence) found(i *Instance, g Gap) {
	i.EvidenceFrom = later(i.EvidenceFrom, g.To)
	i.lost = earlier(i.lost, g.From)
	e.distrust(i.lost)
	e.Gaps = append(e.Gaps, g)
	e.Doubt("The log of instance %s has a gap from %s to %s: %s. Time counts as idle only from its end on.",
		i.Instance, g.From.Format(time.RFC3339), g.To.Format(time.RFC3339), g.Cause)
}

// distrust notes that some log had stopped at a time, unnoticed.
func (e *Evidence) distrust(since time.Time) { e.Doubted = earlier(e.Doubted, since) }

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
