package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
)

// longestPiece bounds what the second reading asks for at a time.
const longestPiece = 7 * day

// Cover is the stretch of a group's log that the second reading has read without a break.
type Cover struct {
	Group   string    `json:"group,omitempty"`
	Version string    `json:"version,omitempty"` // of the division into rows by which it was judged; a new one reads again what the log holds
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
	OldFrom time.Time `json:"oldFrom,omitzero"` // what an earlier version of the division had read
	OldTo   time.Time `json:"oldTo,omitzero"`
	Broken  time.Time `json:"broken,omitzero"` // the latest entry that nobody can read: nothing before it is covered
	Cause   string    `json:"cause,omitempty"` // what that is, in words
}

// begins is where the unbroken cover begins, what an earlier version had read included.
func (c Cover) begins() time.Time {
	from := c.From
	if !c.OldTo.Before(c.From) && !c.OldFrom.IsZero() {
		from = earlier(c.From, c.OldFrom)
	}
	return later(from, c.Broken)
}

// Stretch is a part of a log, from a time to another, which is not included.
type Stretch struct{ From, To time.Time }

// cover is what the second reading of a group has covered: the instances of a group carry the same.
func (e *Evidence) cover(group string) Cover {
	for _, i := range e.Instances {
		if i.cover.Group == group && !i.cover.To.IsZero() {
			return i.cover
		}
	}
	return Cover{}
}

// SecondReading says what the second reading of a group is still to read: on from where the last one ended, less what may come late;
// then back, as far as the log is kept and can be covered. retention 0 = for ever.
func (e *Evidence) SecondReading(group string, retention time.Duration) []Stretch {
	to := e.Start.Add(-e.options.Lag).Truncate(time.Second).Add(time.Second)
	first := e.coverFrom()
	if retention != 0 {
		first = later(first, e.Start.Add(-retention+expiryMargin).Truncate(time.Second))
	}
	c := e.renewed(group, first)
	if c.To.IsZero() {
		c.From, c.To = to, to
	} else {
		to = later(to, c.To)
	}
	on := later(c.To.Add(-e.groupAllowance(group)), first)
	return slices.Concat(forward(on.Truncate(time.Second), to), backward(c.From, later(first, c.Broken)))
}

// coverFrom is where the second reading begins at the earliest: a day more than what it has to cover, since the evidence may end before the run.
func (e *Evidence) coverFrom() time.Time {
	return e.Start.Add(-cmp.Or(e.options.Interval, e.options.Longest) - day).Truncate(time.Second)
}

// renewed is the cover of a group as this run begins: what has a break, or was read by another version of the division, begins anew.
func (e *Evidence) renewed(group string, kept time.Time) Cover {
	c := e.cover(group)
	switch {
	case c.To.IsZero(): // what an earlier version had read is kept also where no run of this one has read a piece yet
		former := e.former(group)
		c = Cover{Group: group, Version: logread.QueryVersion, OldFrom: former.OldFrom, OldTo: former.OldTo}
	case c.To.Before(kept):
		c = Cover{Group: group, Version: logread.QueryVersion}
	case c.Version != logread.QueryVersion:
		c = Cover{Group: group, Version: logread.QueryVersion, OldFrom: c.begins(), OldTo: c.To}
	}
	e.setCover(c)
	return c
}

func (e *Evidence) setCover(c Cover) {
	for _, i := range e.Instances {
		if i.Group == c.Group {
			i.cover = c
		}
	}
}

// coverUnborn takes what is before an instance was made for covered, where its group is its own: there is nothing, or what another wrote
// that had its name and is gone, if that was covered up to where it was read.
func (e *Evidence) coverUnborn(i *Instance, read time.Time) {
	switch c := e.cover(i.Group); {
	case cluster.SharedGroup(i.Group):
	case c.To.IsZero():
		i.cover = Cover{Group: i.Group, Version: logread.QueryVersion, From: e.coverFrom(), To: i.ProcessedTo}
	case !c.To.Before(read):
		c.To = later(c.To, i.ProcessedTo)
		i.cover = c
	}
}

// groupAllowance is how late an event of a group may come.
func (e *Evidence) groupAllowance(group string) time.Duration {
	allowance := reread + e.options.Lag
	for _, i := range e.Instances {
		if i.Group == group {
			allowance = max(allowance, e.allowance(i))
		}
	}
	return allowance
}

func forward(from, to time.Time) []Stretch {
	var list []Stretch
	for from.Before(to) {
		end := from.Add(longestPiece)
		if end.After(to) {
			end = to
		}
		list = append(list, Stretch{from, end})
		from = end
	}
	return list
}

func backward(to, from time.Time) []Stretch {
	var list []Stretch
	for from.Before(to) {
		begin := later(to.Add(-longestPiece), from)
		list = append(list, Stretch{begin, to})
		to = begin
	}
	return list
}

// Covered notes that a stretch of a group was read to its end, and what rows it held. An entry that nobody can read breaks the cover.
func (e *Evidence) Covered(group string, s Stretch, rows []logread.Row) {
	for _, r := range rows {
		e.knowStream(group, r)
	}
	c := e.cover(group)
	switch {
	case c.To.IsZero():
		c = Cover{Group: group, Version: logread.QueryVersion, From: s.From, To: s.To, OldFrom: e.former(group).OldFrom, OldTo: e.former(group).OldTo}
	case !s.From.After(c.To) && s.To.After(c.To):
		c.To = s.To
	}
	if !s.To.Before(c.From) && s.From.Before(c.From) {
		c.From = s.From
	}
	if at, cause := e.unreadable(group, rows); at.After(c.Broken) {
		c.Broken, c.Cause = at, cause
	}
	e.setCover(c)
}

// knowStream has the first reading wait for a stream that wrote lately, but nothing since where that reading began: at first sight it goes
// a day back, and what the stream has written since may be late.
func (e *Evidence) knowStream(group string, r logread.Row) {
	if !e.writesTo(r.Stream, group) || e.log.streams[r.Stream] != nil {
		return
	}
	i, s := e.Named(cluster.InstanceOf(r.Stream)), &stream{To: milli(r.Latest)}
	if known := i.streams[r.Stream]; known != nil {
		s.To = later(s.To, known.To)
	}
	if e.wrote(s) && s.To.Before(i.ReadFrom) {
		i.streams[r.Stream] = s
	}
}

// former is the cover of a group of which this version has read nothing yet.
func (e *Evidence) former(group string) Cover {
	for _, i := range e.Instances {
		if i.cover.Group == group {
			return i.cover
		}
	}
	return Cover{}
}

// SecondCover is the stretch that the second reading has covered of every instance that lives: what one lacks, none has. It is none that
// begins before the logs do.
func (e *Evidence) SecondCover() Stretch {
	var s Stretch
	for n, i := range e.living() {
		c := e.cover(i.Group)
		if c.To.IsZero() {
			return Stretch{}
		}
		if n == 0 {
			s = Stretch{c.begins(), c.To}
		}
		s = Stretch{later(s.From, c.begins()), earlier(s.To, c.To)}
	}
	s.From = later(s.From, e.logsBegin())
	return s
}

// living are the instances that live.
func (e *Evidence) living() []*Instance {
	return slices.DeleteFunc(slices.Clone(e.Instances), func(i *Instance) bool { return !i.Live })
}

// Contradicts says what the first reading saw in a stretch of a log and rows that are a second reading of it do not have; "" = nothing.
func (e *Evidence) Contradicts(group string, s Stretch, rows []logread.Row) string {
	had := map[string]bool{}
	for _, r := range rows {
		had[r.Stream] = true
	}
	for name, stream := range e.log.streams {
		for _, at := range []int64{stream.oldest, stream.newest} {
			if at != 0 && !milli(at).Before(s.From) && milli(at).Before(s.To) && !had[name] && e.writesTo(name, group) {
				return fmt.Sprintf("it found nothing of stream %q, where there is an event of %s", name, milli(at).Format(time.RFC3339))
			}
		}
	}
	return ""
}

// writesTo reports that a stream is of a group. Those of unknown instances are in whatever group the instances share.
func (e *Evidence) writesTo(stream, group string) bool {
	i := e.Named(cluster.InstanceOf(stream))
	return i != nil && i.Group == group
}

// Spared is what the second reading found of a role.
type Spared struct {
	Role     string
	At       time.Time
	Instance string
	Kind     string    // of the entry, in words
	Began    time.Time // when its session began at the latest; zero = the role was active when it was locked
}

// Second takes in the rows of a second reading.
type Second struct {
	log   *tally
	names Names
}

// Activity is what is remembered of it.
func (s Spared) Activity() account.Activity {
	return account.Activity{Role: s.Role, At: s.At, Began: s.Began, Source: ByUnreadEntry}
}

// NewSecond is a second reading in which nothing was read yet.
func NewSecond(n Names) *Second { return &Second{log: newSecondTally(n), names: n} }

// newSecondTally has roles that may log in turned away too: an attempt with the right password that is refused keeps nobody.
func newSecondTally(n Names) *tally {
	t := newTally(n)
	t.oneSuffices = false
	return t
}

// Row takes in a row.
func (s *Second) Row(r logread.Row) { s.log.add(r) }

// End gives, for each role, the latest entry of a stretch that is not known as refused or ambiguous.
func (s *Second) End() []Spared {
	var list []Spared
	for role, found := range s.log.active() {
		spared := Spared{Role: role, At: milli(found.at), Instance: cluster.InstanceOf(found.stream), Kind: found.kind}
		if spared.Began = spared.At; s.names.Doubted[role] || s.names.undone(spared.Activity()) {
			spared.Began = time.Time{}
		}
		list = append(list, spared)
	}
	s.log = newSecondTally(s.names)
	slices.SortFunc(list, func(a, b Spared) int { return strings.Compare(a.Role, b.Role) })
	return list
}

// CoverLacks says what the second reading still lacks for roles to be closed that have been idle for a time up to the evidence's
// end; "" = nothing.
func (e *Evidence) CoverLacks(idle time.Duration) string {
	c, to := e.SecondCover(), e.To()
	switch {
	case c.To.IsZero():
		return "the second reading of the log has not covered anything yet"
	case c.To.Before(to):
		return fmt.Sprintf("the second reading of the log ends at %s, before the first at %s", c.To.Format(time.RFC3339), to.Format(time.RFC3339))
	case c.From.After(to.Add(-idle)):
		return fmt.Sprintf("the second reading of the log reaches back to %s only%s: nobody idle for %d days is closed before %s",
			c.From.Format(time.RFC3339), e.coverEnds(c.From), int(idle/day), c.From.Add(idle).Format(time.RFC3339))
	}
	return ""
}

// coverEnds says what keeps the second reading from reaching back beyond a time.
func (e *Evidence) coverEnds(from time.Time) string {
	for _, i := range e.living() {
		switch c := e.cover(i.Group); {
		case c.Broken.Equal(from):
			return ", where it found what nobody can read (" + c.Cause + ")"
		case i.groupMade.Equal(from):
			return ", when log group " + i.Group + " was made"
		}
	}
	return ""
}

// CoverOf is what the second reading has covered of the log of an instance, as its record tells it; its Group is "" where there is nothing.
func CoverOf(r account.LogRecord) Cover {
	known := decodeStreams(r.Streams)
	c := known.Second
	c.From = c.begins()
	return c
}
