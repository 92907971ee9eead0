package evidence

import (
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
)

// Instance is one server, or one that is gone, in one run.
type Instance struct {
	account.LogRecord
	Live     bool
	Group    string    // its log group
	ReadFrom time.Time // zero = its log need not be read
	Sighting Sighting

	fresh     bool               // this run is the first to know it
	swapped   bool               // it has taken the name of another, and is older than what is known of that
	born      bool               // made since the others' logs were last read, and read from its birth
	read      bool               // its log was read to the end
	keptFrom  time.Time          // its log no longer holds events from before; zero = it is kept for ever
	expiredTo time.Time          // events up to here were lost before they were read; zero = none was
	pending   []string           // canaries of earlier runs that were not found yet, newest first
	lost      time.Time          // since when its log cannot be vouched for, until a run has undone what rests on it; zero = it can
	patience  time.Duration      // how long its last lines are waited for at most, once it is gone
	streams   map[string]*stream // by name
	cover     Cover              // what the second reading of its group has covered
	created   time.Time          // when it was made; zero = not known
	groupMade time.Time          // when its log group was made; zero = not known
	rate      float64            // bytes an hour of its group, as far as earlier runs have read; 0 = not known
	witnesses witnesses
	log       *instanceLog
	unread    map[string]int // entries that the second reading alone has come upon and nobody can read, by their shape
}

// Sighting is what this run's own login found on a live instance.
type Sighting struct {
	Canary  string // the login's application_name; "" = there was no login
	Skew    time.Duration
	Logging account.Logging
	Look    Look
	Fault   error // why there was no login
}

// See notes what this run's own login found on a live instance. Enroll comes before it.
func (i *Instance) See(s Sighting) {
	s.Look.Good = s.Logging.Fault() == ""
	i.Sighting = s
	if s.Fault != nil || s.Look.At.IsZero() {
		return
	}
	i.witnesses.Looks = append(i.witnesses.Looks, s.Look)
	i.StartedAt, i.ConfLoadedAt = s.Look.Started, s.Look.Loaded
}

// SeeUntold notes this run's own login on an instance where RDS does not tell which live: the login must be found in the log of the one
// whose server started when the login's session says. It is noted nowhere if no record tells of that start, or several do.
func (e *Evidence) SeeUntold(s Sighting) {
	var same []*Instance
	for _, i := range e.Instances {
		if !i.StartedAt.IsZero() && i.StartedAt.Equal(s.Look.Started) {
			same = append(same, i)
		}
	}
	if len(same) == 1 {
		same[0].Sighting.Canary = s.Canary
	}
}

// Enroll brings together the instances that live and the records of earlier runs, and says from where on each log is to be read.
// Where RDS does not tell which instances live, none is read, and what is known of them stays as it is.
func (e *Evidence) Enroll(live []cluster.Instance, records []account.LogRecord) {
	e.blind = len(live) == 0
	known := map[string]*Instance{}
	for _, r := range records {
		i := e.known(r)
		known[i.Instance] = i
		e.lastRun = later(e.lastRun, i.CanaryAt)
		e.Instances = append(e.Instances, i)
	}
	claim := e.From()
	for n, i := range identify(live, known) {
		e.readBefore = earlier(e.readBefore, i.knownTo())
		e.enlist(i, live[n])
	}
	for n, i := range e.live(live) {
		e.begin(i, live[n].Created, claim)
	}
	for _, i := range e.Instances {
		if !i.Live && len(live) > 0 && strings.HasPrefix(live[0].Group, "/aws/rds/cluster/") {
			i.Group = live[0].Group // all instances of a cluster share one group
		}
		if !i.Live && !e.blind && !i.CanaryAt.IsZero() {
			i.ReadFrom = e.readOn(i) // what it wrote until its end is still to be read
		}
	}
}

// known is an instance as earlier runs left it.
func (e *Evidence) known(r account.LogRecord) *Instance {
	i := &Instance{LogRecord: r, Group: cluster.InstanceGroup(r.Instance), patience: lostAfter}
	i.pending, i.lost = parted(r.Canary)
	known := decodeStreams(r.Streams)
	i.streams, i.cover, i.rate = known.Streams, known.Second, known.BytesPerHour
	i.witnesses = decodeWitnesses(r.Sessions)
	e.distrust(i.lost)
	return i
}

// identify finds what is known of each live instance:
//
//	known by its resource id, under the same name    the record
//	known by its resource id, under another          the record, renamed; what it wrote under the other name stays to be read there
//	its name known, of another resource              another instance, which has taken the name
//	its name known, of no or an unknown resource     the record
//	neither known                                    nothing
func identify(live []cluster.Instance, known map[string]*Instance) []*Instance {
	byResource := map[string]*Instance{}
	for _, i := range known {
		if i.ResourceID != "" {
			byResource[i.ResourceID] = i
		}
	}
	list := make([]*Instance, len(live))
	for n, l := range live {
		same, named := byResource[l.ResourceID], known[l.Name]
		switch {
		case same != nil && same.Instance != l.Name:
			list[n] = same.renamed(l, named != nil).after(named)
		case same == nil && named != nil && named.ResourceID != "" && l.ResourceID != "":
			list[n] = named.replaced(l.Created)
		case named != nil:
			list[n] = named
		default:
			list[n] = &Instance{LogRecord: account.LogRecord{Instance: l.Name}, fresh: true, streams: map[string]*stream{}, patience: lostAfter}
		}
	}
	for n, l := range live {
		if l.ResourceID != "" {
			list[n].ResourceID = l.ResourceID
		}
	}
	return list
}

// renamed is an instance under its new name. The record of the old name stays behind, as that of an instance that is gone. Where the new
// name was another's, what earlier looks showed is not compared with what is found under it; else nothing was written to a group of its own
// while the former one was covered.
func (i *Instance) renamed(l cluster.Instance, taken bool) *Instance {
	r := &Instance{LogRecord: i.LogRecord, streams: map[string]*stream{}, cover: i.cover, patience: i.patience}
	r.Instance, r.Canary = l.Name, ""
	if !cluster.SharedGroup(l.Group) {
		r.cover.Group = l.Group
	}
	r.witnesses = witnesses{PIDs: i.witnesses.PIDs, PIDsOf: i.witnesses.PIDsOf, Agreed: i.witnesses.Agreed}
	if taken {
		i.witnesses.Looks = nil
	} else if looks := i.witnesses.handedOn(); looks != nil {
		r.witnesses.Looks, r.witnesses.Former = looks, i.Instance
	}
	i.ResourceID, i.StartedAt = "", time.Time{}
	return r
}

// after takes over what is still to be read and found under a name from the instance that had it, and what is covered of the name's group.
func (i *Instance) after(former *Instance) *Instance {
	if former != nil {
		i.streams, i.pending, i.lost, i.cover = former.streams, former.pending, former.lost, former.cover
		i.ProcessedTo = earlier(i.ProcessedTo, former.ProcessedTo)
	}
	return i
}

// replaced is another instance that has taken the name of one that is known. One made since the record was last read continues it;
// an older one wrote under another name until now, where nobody has read it.
func (i *Instance) replaced(created time.Time) *Instance {
	r := *i
	r.witnesses = witnesses{Agreed: i.witnesses.Agreed}
	r.StartedAt, r.ConfLoadedAt = time.Time{}, time.Time{}
	r.swapped = !created.After(i.ProcessedTo)
	return &r
}

// enlist counts an instance among those that live, in the place of the record of its name.
func (e *Evidence) enlist(i *Instance, l cluster.Instance) {
	i.Live, i.Group, i.created = true, l.Group, l.Created.UTC()
	e.Instances = slices.DeleteFunc(e.Instances, func(x *Instance) bool { return x.Instance == i.Instance })
	e.Instances = append(e.Instances, i)
}

// knownTo is up to where an instance's log is read; zero = it is new.
func (i *Instance) knownTo() time.Time {
	if i.fresh {
		return time.Time{}
	}
	return i.ProcessedTo
}

// live are the instances of a description, in its order.
func (e *Evidence) live(described []cluster.Instance) []*Instance {
	list := make([]*Instance, len(described))
	for n, l := range described {
		list[n] = e.Named(l.Name)
	}
	return list
}

// begin says from where on a live instance's log is read, and since when its record is unbroken:
//
//	known before                                             where the last run ended, less what may still come late
//	made after the others' logs were last read               its birth; its record is as unbroken as the others'
//	back under the name of one that was gone, made since     the same
//	older, under the name of another that is known           what the other wrote is read on; of its own nothing before now counts
//	seen for the first time                                  24 hours back, and no record before that
func (e *Evidence) begin(i *Instance, created, claim time.Time) {
	known := !i.fresh && !(i.CanaryAt.IsZero() && created.After(i.ProcessedTo) && !e.readBefore.IsZero())
	switch {
	case known:
		i.ReadFrom = e.readOn(i)
		if i.swapped {
			e.breakAt(i, Gap{i.Instance, i.ProcessedTo, e.Start, "another instance, which was there before, has taken its name"})
		}
	case !e.readBefore.IsZero() && !created.IsZero() && !created.Before(e.readBefore):
		i.born = true
		read := i.ProcessedTo
		i.ProcessedTo, i.EvidenceFrom = created.UTC().Truncate(time.Second), later(i.EvidenceFrom, claim)
		i.ReadFrom = e.readOn(i)
		e.coverUnborn(i, read)
	default:
		i.ReadFrom = e.Start.Add(-firstSight).Truncate(time.Second)
		i.ProcessedTo, i.EvidenceFrom = i.ReadFrom, later(i.EvidenceFrom, i.ReadFrom)
	}
}

// Retain takes account of how long a group keeps its events; 0 = for ever. What expired before it was read is a gap. The last
// lines of an instance that is gone are not waited for until they expire.
func (e *Evidence) Retain(group string, retention time.Duration) {
	if retention == 0 {
		return
	}
	kept := e.Start.Add(-retention + expiryMargin).Truncate(time.Second)
	for _, i := range e.Instances {
		if i.Group != group || i.ReadFrom.IsZero() {
			continue
		}
		i.keptFrom = kept
		i.patience = min(lostAfter, retention/2)
		if !i.ReadFrom.Before(kept) {
			continue
		}
		i.ReadFrom = kept
		if i.fresh && !i.born {
			i.ProcessedTo, i.EvidenceFrom = kept, later(i.EvidenceFrom, kept)
		} else if i.ProcessedTo.Before(kept) {
			e.expire(i, kept, retention)
		}
	}
}

func (e *Evidence) expire(i *Instance, kept time.Time, retention time.Duration) {
	i.expiredTo = kept
	i.lost = earlier(i.lost, i.ProcessedTo)
	e.distrust(i.lost)
	i.EvidenceFrom = later(i.EvidenceFrom, kept)
	e.Gaps = append(e.Gaps, Gap{Instance: i.Instance, From: i.ProcessedTo, To: kept, Cause: "its events expired before they were read"})
	e.Doubt("Log events of instance %s expired before they were read: log group %s keeps them for %d days, and the last were read up to %s. Let it keep them longer, and sweep more often; what happened meanwhile counts against nobody.",
		i.Instance, i.Group, int(retention/day), i.ProcessedTo.Format(time.RFC3339))
}

// Groups lists the log groups to be read.
func (e *Evidence) Groups() []string {
	var groups []string
	for _, i := range e.Instances {
		if !i.ReadFrom.IsZero() && !slices.Contains(groups, i.Group) {
			groups = append(groups, i.Group)
		}
	}
	slices.Sort(groups)
	return groups
}

// ReadFrom is where the reading of a group begins; zero = nothing is to be read.
func (e *Evidence) ReadFrom(group string) time.Time {
	var from time.Time
	for _, i := range e.Instances {
		if i.Group == group && !i.ReadFrom.IsZero() {
			from = earlier(from, i.ReadFrom)
		}
	}
	return from
}

// GroupRead notes that a group was read to its end.
func (e *Evidence) GroupRead(group string) {
	for _, i := range e.Instances {
		if i.Group == group && !i.ReadFrom.IsZero() {
			i.read = true
		}
	}
}

// GroupMissing notes that a group does not exist. Of an instance that is gone too nothing more is to come.
func (e *Evidence) GroupMissing(group string) {
	for _, i := range e.Instances {
		if i.Group == group {
			i.read, i.ReadFrom = !i.Live, time.Time{}
		}
	}
}

// Watch has the log look for what earlier runs left in it.
func (e *Evidence) Watch(log *Log) {
	e.log = log
	for _, i := range e.Instances {
		e.closeFormer(i)
	}
	for _, i := range e.Instances {
		i.log = log.instance(i.Instance)
		i.log.known, i.log.seen = i.Live || !i.CanaryAt.Before(e.lastRun), i.CanaryAt
		i.log.live, i.log.awaited = i.Live || e.mayLive(i), i.Live || !e.silent(i)
		for name, s := range i.streams {
			log.expect(name, s.To)
		}
		for _, canary := range i.pending {
			i.log.canaries[canary] = false
		}
		i.log.watch(i.witnesses)
	}
}
