package evidence

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/loginlog"
)

// instanceLog is what an instance's log has shown in this run. Times are ms since 1970.
type instanceLog struct {
	numbers     *numbers  // of roles and databases
	start       time.Time // of the run
	known       bool      // there is a record of the instance, which was not gone already when the last run looked
	seen        time.Time // when the instance was last seen alive; zero = never, or it is gone for good
	live        bool      // the instance is not gone, as far as the run can tell
	awaited     bool      // more of it is read by later runs
	streams     map[string]*streamLog
	newest      int64 // latest event of the slices read to their end; 0 = none
	oldest      int64 // earliest event; 0 = none
	last        int64 // latest event so far
	previous    int64 // latest event before the one at hand
	silence     int64 // longest time between two events
	delay       int64 // longest time an event took to arrive
	events      int
	logins      int
	suspicious  int
	held        int64           // oldest login left to be read again; 0 = none
	canaries    map[string]bool // the sweep's own logins to be found → found
	waiting     map[connection]attempt
	refusals    map[connection]int64
	failures    map[string]int       // refusals of catalogued roles, by role
	lives       map[connection]int64 // connections that an entry shows to be a session's, and when that began; 0 = not known
	doubtful    map[connection]int64 // the latest ambiguous entry of others
	unread      map[string]int       // entries whose names cannot be read, by their shape
	unreadFrom  int64                // the first of them
	unreadTo    int64                // the last
	told        map[string]int       // entries of no known kind, by their shape
	entries     []serverEntry
	looks       []Look            // of the run at hand and those before it, which tell when to expect entries of the postmaster
	written     map[int]int       // entries by process id
	postmasters map[int]bool      // process ids that may be the postmaster's
	windows     []window          // of the looks whose logins are counted
	databases   map[string]string // whose sessions some of these looks counts
	splitAt     int64             // logins before it are read by no later run
	counting    bool              // events, not rows, were read: logins can be placed in time
}

// connection tells a login from others of its log. A stranger chooses his port, and process ids come again, so the host counts too. It is
// small and holds no pointer, since a hundred thousand of them may wait.
type connection struct {
	client uint64 // host, port and process id, hashed
	role   number
}

// attempt is an authorized login that waits for its refusal.
type attempt struct {
	at       int64
	database number // that counts its session; of "" = none does
}

var clientSeed = maphash.MakeSeed()

func (in *instanceLog) connectionOf(e loginlog.Event) connection {
	return connection{client: maphash.Comparable(clientSeed, e.Session), role: in.numbers.number(e.User)}
}

// Bounds of what is kept of a log.
const (
	maxLives   = 50_000
	maxShapes  = 50
	maxEntries = 10_000

	maxEntriesOfOne = 1_000 // process
)

func newInstanceLog(start time.Time, numbers *numbers) *instanceLog {
	return &instanceLog{numbers: numbers, start: start, splitAt: start.Add(-splitAfter).UnixMilli(), counting: true, streams: map[string]*streamLog{}, canaries: map[string]bool{}, waiting: map[connection]attempt{},
		refusals: map[connection]int64{}, failures: map[string]int{}, lives: map[connection]int64{}, doubtful: map[connection]int64{}, unread: map[string]int{}, told: map[string]int{},
		written: map[int]int{}, postmasters: map[int]bool{}, databases: map[string]string{}}
}

// readOn reports an instance that came and went between two runs, and wrote lately: it is about to get a record, by which the next run reads
// what comes late.
func (in *instanceLog) readOn() bool { return !in.known && in.wroteSince(in.seen) }

func (in *instanceLog) wroteLately() bool {
	late := min(2*time.Duration(in.delay)*time.Millisecond, maxReread)
	return in.newest > in.start.Add(-max(goneAfter, late)).UnixMilli()
}

// wroteSince reports an instance that wrote lately, and after it was last seen alive: it may be another, under the name of one that is gone.
func (in *instanceLog) wroteSince(seen time.Time) bool {
	return in.wroteLately() && in.newest >= seen.UnixMilli()
}

// refused reports that a refusal of the same connection follows a login.
func (in *instanceLog) refused(c connection, at int64) bool {
	refusal, ok := in.refusals[c]
	return ok && refusal >= at && refusal-at <= pairingWindow.Milliseconds()
}

// refusalHeld reports that a refusal of a connection waits for the next event of its stream.
func (in *instanceLog) refusalHeld(c connection) bool {
	for _, s := range in.streams {
		if s.held.at != 0 && s.held.connection == c {
			return true
		}
	}
	return false
}

// refuse takes in a refusal, whose login may come later by another stream. Whoever knows a role's name can cause any number of them,
// so that only so many are kept for logins that have not come.
func (in *instanceLog) refuse(c connection, at int64) {
	if login, waits := in.waiting[c]; waits && at >= login.at && at-login.at <= pairingWindow.Milliseconds() {
		delete(in.waiting, c)
	}
	if role := in.numbers.text(c.role); role != "" && in.refusals[c] != at { // the same again is an event delivered twice
		in.failures[role]++
	}
	if len(in.refusals) < maxWaiting {
		in.refusals[c] = at
	}
}

// forgetRefusals drops those whose logins have been judged.
func (in *instanceLog) forgetRefusals(before int64) {
	for c, at := range in.refusals {
		if at < before-pairingWindow.Milliseconds() {
			delete(in.refusals, c)
		}
	}
}

// forgetDoubtful drops ambiguous entries whose login was refused, or is not to come any more.
func (in *instanceLog) forgetDoubtful(before int64) {
	for c, at := range in.doubtful {
		if _, waits := in.waiting[c]; !waits && at <= before {
			delete(in.doubtful, c)
		}
	}
}

// settle takes the events of a slice for read.
func (in *instanceLog) settle(to int64) {
	for _, s := range in.streams {
		s.newest = max(s.newest, min(s.inSlice, to))
		in.newest = max(in.newest, s.newest)
	}
}

// settled is up to when every stream that writes has come: what is older can no more be refused by an event that is late.
func (in *instanceLog) settled() int64 {
	to := int64(math.MaxInt64)
	for _, s := range in.writing() {
		to = min(to, max(s.known, s.newest))
	}
	return to
}

// writing are the streams that wrote lately. One that was left off, as when an instance has taken the name of another, holds nothing up.
func (in *instanceLog) writing() []*streamLog {
	var list []*streamLog
	for _, s := range in.streams {
		if max(s.known, s.newest) > in.start.Add(-wroteWithin).UnixMilli() {
			list = append(list, s)
		}
	}
	return list
}

func (in *instanceLog) severalStreams() bool { return len(in.writing()) > 1 }

// hold leaves a login, and what is after it, to be read again.
func (in *instanceLog) hold(at int64) {
	if in.held == 0 || at < in.held {
		in.held = at
	}
}

// oldestWaiting is the time of the oldest login that waits for its refusal in its own stream, or is left to be read again; 0 =
// none. One that waits for another stream is read again with that stream.
func (in *instanceLog) oldestWaiting() int64 {
	oldest := in.held
	for _, a := range in.waiting {
		if a.at > in.newest-pairingWindow.Milliseconds() && (oldest == 0 || a.at < oldest) {
			oldest = a.at
		}
	}
	return oldest
}

func (in *instanceLog) prove(c connection, began int64) {
	if len(in.lives) >= maxLives {
		clear(in.lives)
	}
	in.lives[c] = began
}

// began is when a session began, as far as its login was read: an entry of it, of a time, shows no more than that it had begun by then.
func (in *instanceLog) began(c connection, at int64) time.Time {
	if login := in.lives[c]; login != 0 {
		return milli(login)
	}
	return milli(at)
}

// tell counts entries of no known kind; a shape of "" is none.
func (in *instanceLog) tell(shape string, count int) {
	if _, known := in.told[shape]; shape != "" && (known || len(in.told) < maxShapes) {
		in.told[shape] += count
	}
}

// unreadable counts entries, from a time to another, whose names cannot be read.
func (in *instanceLog) unreadable(shape string, count int, from, to int64) {
	in.unread[shape] += count
	in.unreadTo = max(in.unreadTo, to)
	if in.unreadFrom == 0 || from < in.unreadFrom {
		in.unreadFrom = from
	}
}

func (in *instanceLog) unreadEntries() int {
	n := 0
	for _, count := range in.unread {
		n += count
	}
	return n
}

// unreadableStreams are those of which no stamped entry has either prefix.
func (in *instanceLog) unreadableStreams() []string {
	var names []string
	for name, s := range in.streams {
		if s.stamped > 0 && s.prefixed == 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// made is when the first of the instance's streams was made; zero = it is not known of all.
func (in *instanceLog) made() time.Time {
	var first time.Time
	for _, s := range in.streams {
		if s.made.IsZero() {
			return time.Time{}
		}
		first = earlier(first, s.made)
	}
	return first
}

func (s *streamLog) findCanary(message string) {
	for canary := range s.instance.canaries {
		if strings.Contains(message, " application_name="+canary) {
			s.instance.canaries[canary], s.canary = true, true
		}
	}
}

// streamLog is one log stream on its way. Times are ms since 1970.
type streamLog struct {
	name     string
	instance *instanceLog
	made     time.Time // zero = not known
	known    int64     // up to where earlier runs have read it
	oldest   int64     // earliest event; 0 = none
	newest   int64     // latest event of the slices read to their end
	inSlice  int64     // latest event so far
	delay    int64
	stamped  int
	prefixed int
	longest  int  // event so far, bytes
	canary   bool // it holds one of the sweep's own logins
	cut      bool // the event before this one may have been cut off by the publisher
	held     heldRefusal
	doubted  heldRefusal // the latest that counts for nothing
}

// heldRefusal waits for the next event of its stream, which tells whether it was forged.
type heldRefusal struct {
	connection connection
	at         int64 // 0 = there is none
}

func (s *streamLog) note(at, ingested int64) {
	in := s.instance
	in.events++
	s.inSlice = max(s.inSlice, at)
	if s.oldest == 0 || at < s.oldest {
		s.oldest = at
	}
	if in.oldest == 0 || at < in.oldest {
		in.oldest = at
	}
	if in.last > 0 {
		in.silence = max(in.silence, at-in.last)
	}
	in.previous, in.last = in.last, max(in.last, at)
	s.delay = max(s.delay, ingested-at)
	in.delay = max(in.delay, s.delay)
}

func (s *streamLog) formed(e loginlog.Event) {
	if e.Stamped {
		s.stamped++
	}
	if e.Prefixed {
		s.prefixed++
	}
}

// A publisher cuts an entry that is too long for an event. Where is not documented for RDS: CloudWatch Logs takes 256 KB, and 1 MB
// since 2025 (PutLogEvents), so an event of that order, or as long as the longest of its stream, may be followed by its rest.
const (
	surelyCut = 200_000
	maybeCut  = 8_000
)

// followsCut reports whether an event may be the rest of the one before it, which a client chose.
func (s *streamLog) followsCut(length int) bool {
	was := s.cut
	s.longest = max(s.longest, length)
	s.cut = length >= surelyCut || length >= maybeCut && length == s.longest
	return was
}

// refuse takes in a refusal. One short enough to be forged by a client without credentials, where a publisher cuts entries at
// newlines, is held until the next event: such a forgery always has the rest of a name behind it. One after a cut event may be that
// entry's own rest, and counts for nothing, however often it is delivered.
func (s *streamLog) refuse(e loginlog.Event, at int64, trusted bool) {
	this := heldRefusal{s.instance.connectionOf(e), at}
	switch {
	case !trusted:
		s.doubted = this
	case this == s.doubted:
	case e.Forgeable:
		s.held = this
	default:
		s.instance.refuse(this.connection, at)
	}
}

// repeats reports the refusal held back, delivered again: it is not the event after it.
func (s *streamLog) repeats(e loginlog.Event, kind loginlog.Kind, at int64) bool {
	return kind == loginlog.Refusal && s.held.at != 0 && s.held == heldRefusal{s.instance.connectionOf(e), at}
}

// release believes the refusal held back, unless the event after it shows that it was forged, however often it is delivered.
func (s *streamLog) release(forged bool) {
	switch {
	case s.held.at == 0:
	case forged:
		s.doubted = s.held
	default:
		s.instance.refuse(s.held.connection, s.held.at)
	}
	s.held = heldRefusal{}
}
