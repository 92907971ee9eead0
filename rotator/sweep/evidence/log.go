package evidence

import (
	"maps"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/loginlog"
	"pgrotator/rotator/logread"
)

// pairingWindow is how long a login waits, by its log's own time, for the refusal that may follow it. PostgreSQL writes both
// within moments; a later refusal finds the login counted, which leaves a role alone longer.
const pairingWindow = time.Minute

// maxWaiting bounds the logins of an instance that wait for their refusal; beyond it all are counted.
const maxWaiting = 100_000

// Names are whom and what a log is read for.
type Names struct {
	Roles     []string
	Databases []string
	Locked    map[string]time.Time // since when the sweep has locked roles: a later attempt of theirs is activity only if nothing refused it
	Doubted   map[string]bool      // those of them that were active when they were locked, as it turned out: whatever they do later is doubt
	Locks     map[string]account.LockRecord
	Own       map[string]bool // the users of the secret's pair, whose logins can be the sweep's own
	Stack     string          // of the deployment whose logins these are
}

// locked reports a role that the sweep has locked.
func (n Names) locked(role string) bool { return !n.Locked[role].IsZero() }

// lockedBy reports a role that the sweep had locked by a time, in ms since 1970; the log has whole seconds.
func (n Names) lockedBy(role string, at int64) bool {
	return n.locked(role) && at >= n.Locked[role].Truncate(time.Second).UnixMilli()
}

// undone reports activity that shows that a role was active when it was locked, of which the lock did not know.
func (n Names) undone(a account.Activity) bool {
	return n.locked(a.Role) && a.Began.Before(n.Locked[a.Role].Add(account.LockSlack)) && n.Locks[a.Role].Contradicted(a.At)
}

// letIn reports activity that shows that a session of a locked role began after its lock: a login, or what is of a session that is known to
// have begun before. Any other entry shows no more than that its session had begun by then.
func (n Names) letIn(a account.Activity) bool {
	return n.locked(a.Role) && !a.Began.Before(n.Locked[a.Role].Add(account.LockSlack)) && (a.Source == ByLogin || a.Began.Before(a.At))
}

// Log takes in what a reader reads, in any order within a slice of time, and keeps what matters: the latest activity of each role,
// how far each stream goes, and what was seen of the server itself. What it holds grows with roles and with the logins that wait
// for their refusal, not with the log.
type Log struct {
	names     Names
	numbers   *numbers // of roles and databases
	parser    *loginlog.Parser
	start     time.Time
	instances map[string]*instanceLog
	streams   map[string]*streamLog
	active    map[string]account.Activity // since it was last taken
	letIn     map[string]time.Time        // when a session of a locked role began, after its lock: somebody let it in
	doubted   map[string]bool             // locked roles that were active when they were locked: nothing shows any more that somebody let them in
	undecided map[string]bool             // roles with a login that is left to be read again
	awaited   map[string]bool             // streams that wrote before, and must have come as far as this run
	hasty     bool                        // no attempt is left to be judged later
	rows      *tally                      // of the stretch at hand, where rows are read
	stored    storedRun                   // the newest of this deployment's runs whose commit the log shows
}

// The sources of an activity.
const (
	BySession       = "session"
	ByLogin         = "login"
	ByDisconnection = "disconnection"
	BySignOfLife    = "sign of life"
	ByUnreadEntry   = "unread entry"
)

// NewLog is an empty log for a run that starts at a time.
func NewLog(start time.Time, names Names) *Log {
	l := &Log{names: names, numbers: newNumbers(), parser: loginlog.New(names.Roles, names.Databases), start: start}
	return l.empty()
}

// Again is an empty log for the same names, for a look at its end: there every attempt counts that nothing has refused so far.
func (l *Log) Again() *Log {
	again := l.empty()
	again.hasty, again.awaited = true, map[string]bool{}
	for _, in := range l.instances {
		for _, s := range in.writing() {
			again.awaited[s.name] = true
		}
	}
	return again
}

func (l *Log) empty() *Log {
	doubted := map[string]bool{}
	maps.Copy(doubted, l.names.Doubted)
	return &Log{names: l.names, numbers: l.numbers, parser: l.parser, start: l.start,
		instances: map[string]*instanceLog{}, streams: map[string]*streamLog{}, active: map[string]account.Activity{}, letIn: map[string]time.Time{}, doubted: doubted, undecided: map[string]bool{}, rows: newTally(l.names)}
}

// Names are those that the log is read for, with what it has brought to light of locks.
func (l *Log) Names() Names {
	n := l.names
	n.Doubted = maps.Clone(l.doubted)
	return n
}

// instance is the log of one instance.
func (l *Log) instance(name string) *instanceLog {
	in := l.instances[name]
	if in == nil {
		in = newInstanceLog(l.start, l.numbers)
		l.instances[name] = in
	}
	return in
}

func (l *Log) stream(name string) *streamLog {
	s := l.streams[name]
	if s == nil {
		s = &streamLog{name: name, instance: l.instance(cluster.InstanceOf(name))}
		l.streams[name] = s
		s.instance.streams[name] = s
	}
	return s
}

// expect notes that a stream is known to have been read up to a time.
func (l *Log) expect(name string, to time.Time) { l.stream(name).known = to.UnixMilli() }

// Event takes in one event.
func (l *Log) Event(e logread.Event) {
	s, at := l.stream(e.Stream), e.At
	s.note(at, e.Ingested)
	event, kind := l.parser.Parse(e.Message)
	s.formed(event)
	if !s.repeats(event, kind, at) {
		s.release(kind == loginlog.Tampering && !event.Stamped)
	}
	trusted := !s.followsCut(len(e.Message))
	switch kind {
	case loginlog.Login:
		l.login(s, event, at, e.Message)
	case loginlog.OtherLogin:
		l.await(s.instance, event, at)
	case loginlog.Disconnection:
		l.saw(account.Activity{Role: event.User, At: milli(at), Began: milli(at).Add(-lasted(e.Message)), Source: ByDisconnection})
	case loginlog.Sign:
		c := s.instance.connectionOf(event)
		l.inSession(s.instance, c, at)
		l.saw(account.Activity{Role: event.User, At: milli(at), Began: s.instance.began(c, at), Source: BySignOfLife})
		for _, role := range event.Others {
			l.saw(account.Activity{Role: role, At: milli(at), Began: milli(at), Source: BySignOfLife})
		}
	case loginlog.Ambiguous:
		l.ambiguous(s.instance, s.instance.connectionOf(event), at)
	case loginlog.Refusal:
		s.refuse(event, at, trusted)
	case loginlog.Server:
		s.instance.server(event, at)
	case loginlog.Tampering:
		s.instance.suspicious++
		if event.Contested {
			s.instance.countContested(s.instance.databaseOf(event), at)
			l.sawContested(event.User, at)
		}
	case loginlog.Unread:
		s.instance.unreadable(event.Shape, 1, at, at)
	}
	if kind != loginlog.Unread {
		s.instance.tell(event.Shape, 1)
	}
}

func milli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// login takes in an authorized attempt of a role of the catalogue.
func (l *Log) login(s *streamLog, event loginlog.Event, at int64, message string) {
	s.instance.logins++
	if l.names.Own[event.User] {
		s.findCanary(message)
		l.stored.find(message, l.names.Stack, at)
	}
	l.await(s.instance, event, at)
}

// await has an authorized attempt wait for its refusal. Of a user whom the catalogue lacks only the session counts.
func (l *Log) await(in *instanceLog, event loginlog.Event, at int64) {
	c := in.connectionOf(event)
	if earlier, open := in.waiting[c]; open && earlier.at != at { // the same again is an event delivered twice
		l.counted(in, c, earlier) // its process id is in use again: it was not refused
	}
	in.waiting[c] = attempt{at, in.numbers.number(in.databaseOf(event))}
	if len(in.waiting) > maxWaiting {
		l.countAll(in)
	}
}

// counted takes a login for activity: nothing has refused it.
func (l *Log) counted(in *instanceLog, c connection, a attempt) {
	in.countLogin(in.numbers.text(a.database), a.at)
	role := in.numbers.text(c.role)
	if role == "" {
		return
	}
	l.saw(account.Activity{Role: role, At: milli(a.at), Began: milli(a.at), Source: ByLogin})
	l.prove(in, c, a.at)
}

// inSession takes in that an entry was written in a session: so nothing refuses its login.
func (l *Log) inSession(in *instanceLog, c connection, at int64) {
	if a, waits := in.waiting[c]; waits && a.at <= at {
		delete(in.waiting, c)
		l.counted(in, c, a)
		return
	}
	l.prove(in, c, in.lives[c])
}

// prove takes a connection for a session's, which began at a time (0 = not known), and what was ambiguous in it for signs of life.
func (l *Log) prove(in *instanceLog, c connection, began int64) {
	in.prove(c, began)
	if at, doubted := in.doubtful[c]; doubted {
		delete(in.doubtful, c)
		l.ambiguous(in, c, at)
	}
}

// ambiguous takes in an entry that is written before and after authorization alike: it counts once something proves its connection.
// Whoever knows a role's name can cause any number of them, so that only so many are kept whose login has not come.
func (l *Log) ambiguous(in *instanceLog, c connection, at int64) {
	_, waits := in.waiting[c]
	_, lives := in.lives[c]
	switch {
	case lives:
		l.saw(account.Activity{Role: in.numbers.text(c.role), At: milli(at), Began: in.began(c, at), Source: BySignOfLife})
	case waits || len(in.doubtful) < maxWaiting:
		in.doubtful[c] = max(in.doubtful[c], at)
	}
}

func (l *Log) countAll(in *instanceLog) {
	for c, a := range in.waiting {
		if !in.refused(c, a.at) {
			l.counted(in, c, a)
		}
	}
	clear(in.waiting)
}

// sawContested takes what may be a login for one: the doubt deletes no evidence.
func (l *Log) sawContested(role string, at int64) {
	if role != "" && !l.names.lockedBy(role, at) {
		l.saw(account.Activity{Role: role, At: milli(at), Began: milli(at), Source: ByLogin})
	}
}

func (l *Log) saw(a account.Activity) {
	switch {
	case l.names.undone(a):
		l.doubted[a.Role] = true
	case l.names.letIn(a):
		l.letIn[a.Role] = later(l.letIn[a.Role], a.Began)
	}
	if known, seen := l.active[a.Role]; !seen || a.At.After(known.At) {
		l.active[a.Role] = a
	}
}

// Take hands over the activity since the last call. Of a locked role that somebody has let in it says when, where the activity does not
// tell; of one that was active when it was locked it does not say when the session began: the lock has to be undone, whoever may have let
// the role in since.
func (l *Log) Take() []account.Activity {
	list := make([]account.Activity, 0, len(l.active))
	for _, a := range l.active {
		if since := l.letIn[a.Role]; !since.IsZero() && since.Before(a.At) {
			a.Began = since
		}
		if l.doubted[a.Role] {
			a.Began = time.Time{}
		}
		list = append(list, a)
	}
	clear(l.active)
	return list
}

// ReadTo notes that all events before a time have been given: logins that waited long enough are counted.
func (l *Log) ReadTo(to time.Time) {
	l.endRows()
	for _, in := range l.instances {
		in.settle(to.UnixMilli())
		limit := min(to.UnixMilli(), in.settled()) - pairingWindow.Milliseconds()
		for c, a := range in.waiting {
			switch {
			case in.refused(c, a.at):
				delete(in.waiting, c)
			case a.at <= limit && !in.refusalHeld(c):
				l.counted(in, c, a)
				delete(in.waiting, c)
			}
		}
		in.forgetRefusals(limit)
		in.forgetDoubtful(limit)
	}
}

// End counts what still waits: no more events come in this run. An attempt of a role that was locked by then, or one that a stream which is
// late may refuse, is left to be read again, unless its instance is gone: the evidence's end does not wait for that.
func (l *Log) End() {
	l.endRows()
	for _, s := range l.streams {
		s.release(false)
	}
	for _, in := range l.instances {
		settled := in.settled()
		for c, a := range in.waiting {
			switch {
			case in.refused(c, a.at):
			case l.hasty, in.numbers.text(c.role) == "":
				l.counted(in, c, a)
			case (in.awaited || in.readOn()) && l.names.lockedBy(in.numbers.text(c.role), a.at) && a.at+pairingWindow.Milliseconds() > settled,
				(in.live || in.readOn()) && a.at > settled && in.severalStreams():
				in.hold(a.at)
				l.undecided[in.numbers.text(c.role)] = true
				in.countLogin(in.numbers.text(a.database), a.at)
			default:
				l.counted(in, c, a)
			}
		}
		clear(in.waiting)
		clear(in.doubtful)
	}
}

// Undecided reports a role with a login that a later run reads again, since a stream that is late may refuse it.
func (l *Log) Undecided(role string) bool { return l.undecided[role] }

// FailedLogins counts, by role, the attempts to log in that were turned away in what this run has read, the few minutes included that
// the run before had read already; nil = they were not counted, since rows of Logs Insights do not tell whom a refusal is about. A
// role's name is all that it takes to cause one.
func (l *Log) FailedLogins() map[string]int {
	all := map[string]int{}
	for _, in := range l.instances {
		if !in.counting {
			return nil
		}
		for role, count := range in.failures {
			all[role] += count
		}
	}
	return all
}

// ActiveRoles are those that were active since activity was last taken.
func (l *Log) ActiveRoles() []string {
	var roles []string
	for role := range l.active {
		roles = append(roles, role)
	}
	return roles
}

// FoundAll reports that every canary was found, and that no stream of their instances, if there are several, is behind.
func (l *Log) FoundAll() bool {
	for _, in := range l.instances {
		for _, found := range in.canaries {
			if !found {
				return false
			}
		}
	}
	for name := range l.awaited {
		s := l.stream(name)
		if len(s.instance.canaries) > 0 && !s.canary && s.inSlice < l.start.Add(-reread).UnixMilli() {
			return false
		}
	}
	return true
}

// Await has the log look for one more canary in an instance's log.
func (l *Log) Await(instance, canary string) { l.instance(instance).canaries[canary] = false }
