package sweep

import (
	"math"
	"strings"
	"time"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/loginlog"
)

// pairingWindow is how long a login waits, by its log's own time, for the refusal that may follow it. PostgreSQL writes both
// within moments; a later refusal finds the login counted, which leaves a role alone longer.
const pairingWindow = time.Minute

// fold takes in log events, in the order of time within each stream, and keeps what matters: the latest activity of each role
// and how far each instance's log goes. What it holds grows with roles and with the logins of a minute, not with the log.
type fold struct {
	parser    *loginlog.Parser
	former    *formerDatabases
	pair      map[string]bool // whose logins can be the sweep's own
	instances map[string]*logged
	streams   map[string]*stream
	active    map[string]int64 // role → latest activity, ms since 1970; since it was last taken
	contested map[string]bool  // roles that a forged entry names
}

// logged is what an instance's log has shown.
type logged struct {
	newest     int64 // latest event of the slices read to their end, ms since 1970; 0 = none
	inSlice    int64 // latest event of the slice being read
	last       int64 // latest event before the one at hand
	silence    int64 // longest time between two events, ms
	events     int
	logins     int
	suspicious int
	canaries   map[string]bool // the sweep's own logins to be found → found
}

// stream is one log stream on its way.
type stream struct {
	instance *logged
	pending  map[int]pendingLogin // by process id
	flushAt  int64                // when logins are next counted
	held     heldEvent
}

// pendingLogin is a login that may yet be refused.
type pendingLogin struct {
	role string
	port int
	at   int64
}

// heldEvent waits for the next event of its stream, which tells whether it was forged.
type heldEvent struct {
	kind  loginlog.Kind
	event loginlog.Event
	at    int64
}

func newFold(roles, databases []string, pair map[string]bool) *fold {
	f := &fold{parser: loginlog.New(roles, databases), former: newFormerDatabases(roles), pair: pair}
	return f.again()
}

// again is an empty fold for the same names.
func (f *fold) again() *fold {
	return &fold{
		parser: f.parser, former: f.former, pair: f.pair,
		instances: map[string]*logged{}, streams: map[string]*stream{},
		active: map[string]int64{}, contested: map[string]bool{},
	}
}

// instance is the log of one instance.
func (f *fold) instance(name string) *logged {
	in := f.instances[name]
	if in == nil {
		in = &logged{canaries: map[string]bool{}}
		f.instances[name] = in
	}
	return in
}

func (f *fold) stream(name string) *stream {
	s := f.streams[name]
	if s == nil {
		s = &stream{instance: f.instance(cluster.InstanceOf(name)), pending: map[int]pendingLogin{}}
		f.streams[name] = s
	}
	return s
}

// add takes in one event; at is its time in ms since 1970.
func (f *fold) add(streamName string, at int64, message string) {
	s := f.stream(streamName)
	s.instance.note(at)
	event, kind := f.parser.Parse(message)
	if kind == loginlog.Bystander {
		event, kind = f.former.parse(message)
	}
	f.release(s, kind == loginlog.Tampering && !isStamped(message))
	switch kind {
	case loginlog.Login, loginlog.Disconnection, loginlog.Refusal:
	case loginlog.Tampering:
		s.instance.suspicious++
		return
	default:
		return
	}
	if kind == loginlog.Login && f.pair[event.User] {
		s.instance.findCanary(message)
	}
	if event.Forgeable {
		event.Session.Host = "" // it aliases the message, which need not live on
		s.held = heldEvent{kind: kind, event: event, at: at}
		return
	}
	f.count(s, kind, event, at)
}

// release counts the event held back, unless the one after it is the rest of a name with a newline in it: where a publisher
// cuts entries at newlines, a client without credentials can write a short entry of its own, but always with such a rest
// behind it. The role is then left alone in this run.
func (f *fold) release(s *stream, forged bool) {
	if s.held.kind == loginlog.Unknown {
		return
	}
	held := s.held
	s.held = heldEvent{}
	if forged {
		f.contested[held.event.User] = true
		return
	}
	f.count(s, held.kind, held.event, held.at)
}

func (f *fold) count(s *stream, kind loginlog.Kind, event loginlog.Event, at int64) {
	switch kind {
	case loginlog.Login:
		s.instance.logins++
		f.flushDue(s, at)
		login := pendingLogin{role: event.User, port: event.Session.Port, at: at}
		if earlier, open := s.pending[event.Session.PID]; open && earlier != login { // the same again is an event delivered twice
			f.activity(earlier.role, earlier.at) // its process id is in use again: it was not refused
		}
		s.pending[event.Session.PID] = login
	case loginlog.Refusal:
		if p, open := s.pending[event.Session.PID]; open && p.port == event.Session.Port && p.role == event.User {
			delete(s.pending, event.Session.PID)
		}
	case loginlog.Disconnection:
		f.activity(event.User, at)
	}
}

// flushDue counts the logins that are old enough, once per window.
func (f *fold) flushDue(s *stream, at int64) {
	if at < s.flushAt {
		return
	}
	s.flushAt = at + pairingWindow.Milliseconds()
	f.flush(s, at-pairingWindow.Milliseconds())
}

// flush counts the logins up to a time, ms since 1970, which nothing has refused.
func (f *fold) flush(s *stream, upTo int64) {
	for pid, p := range s.pending {
		if p.at <= upTo {
			f.activity(p.role, p.at)
			delete(s.pending, pid)
		}
	}
}

func (f *fold) activity(role string, at int64) {
	if at > f.active[role] {
		f.active[role] = at
	}
}

// take hands over the activity since the last call.
func (f *fold) take() map[string]int64 {
	taken := f.active
	f.active = make(map[string]int64, len(taken))
	return taken
}

// endSlice takes the events of a slice for read.
func (f *fold) endSlice() {
	for _, in := range f.instances {
		in.newest = max(in.newest, in.inSlice)
	}
}

// end counts what still waits: no more events come.
func (f *fold) end() {
	for _, s := range f.streams {
		f.release(s, false)
		f.flush(s, math.MaxInt64)
	}
}

// oldestPending is the time of the oldest login of an instance that is not counted yet, ms since 1970; 0 = none.
func (f *fold) oldestPending(in *logged) int64 {
	var oldest int64
	earlier := func(at int64) {
		if oldest == 0 || at < oldest {
			oldest = at
		}
	}
	for _, s := range f.streams {
		if s.instance != in {
			continue
		}
		if s.held.kind != loginlog.Unknown {
			earlier(s.held.at)
		}
		for _, p := range s.pending {
			earlier(p.at)
		}
	}
	return oldest
}

func (in *logged) note(at int64) {
	in.events++
	in.inSlice = max(in.inSlice, at)
	if in.last > 0 {
		in.silence = max(in.silence, at-in.last)
	}
	in.last = max(in.last, at)
}

// foundAll reports that every canary was found.
func (f *fold) foundAll() bool {
	for _, in := range f.instances {
		for _, found := range in.canaries {
			if !found {
				return false
			}
		}
	}
	return true
}

func (in *logged) findCanary(message string) {
	for canary, found := range in.canaries {
		if !found && strings.Contains(message, " application_name="+canary) {
			in.canaries[canary] = true
		}
	}
}

// isStamped reports whether an event starts as an entry does, with a date and a time.
func isStamped(message string) bool {
	const shape = "0000-00-00 00:00:00"
	if len(message) < len(shape) {
		return false
	}
	for i := range len(shape) {
		if c := message[i]; shape[i] != '0' && c != shape[i] || shape[i] == '0' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
