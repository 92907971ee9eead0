package model_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/sweep/evidence"
)

const day = 24 * time.Hour

// server is an instance with its log.
type server struct {
	cluster.Instance
	dead      bool
	logging   account.Logging
	verbose   bool // log_error_verbosity
	german    bool // lc_messages
	started   time.Time
	loaded    time.Time
	pid       int // of the postmaster
	vouched   int // the postmaster's process id as a reload has shown it
	vouchedAt time.Time
	sessions  map[string]account.SessionCount // by database
	width     int                             // how many streams it writes
	streams   []*stream
	stopped   time.Time // until when nothing is exported
	measured  time.Duration
	measures  time.Time // when that delay was last read
	seen      time.Time // when a run last looked at it
	look      evidence.Look
	logins    []*entry  // of sessions that have begun since that look
	missing   []*entry  // what has been lost since
	lacking   *lack     // what that look has shown to be missing before it; nil = nothing
	uncounted bool      // since that look its statistics were lost
	reloaded  *entry    // of the last reload
	agreed    time.Time // when a look saw a reload that the log shows, the first time; zero = not yet
	known     string    // the name that it had then
	moved     bool      // since then it has been given a name that nobody had
	movedAt   time.Time // when it was last
}

// stream is one log stream. It arrives in order, but for single events that are late.
type stream struct {
	name      string
	made      time.Time
	entries   []*entry
	lateUntil time.Time // what is written arrives only then
	arrived   time.Time // the arrival of the entry before
}

// entry is an event and when it arrives.
type entry struct {
	at, arrives time.Time
	message     string
	masked      string // what is told without logs:Unmask; "" = nothing of it is masked
	lost        bool   // it never arrives
	unreadable  bool   // it is in a form that is not read
	german      bool   // which the rows of a query do not tell apart
	twice       bool   // it arrives twice
	beyond      bool   // no promise rests on it: it was lost with a server that was killed, or is later than could be reckoned with
	to          *stream
	straggled   bool // it arrives out of its stream's order, or after its instance's end
	refuses     *person
	row         *row
}

const (
	shortPrefix = "%t:%r:%u@%d:[%p]:"
	longPrefix  = "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a"
	otherPrefix = "%m [%p] "
)

func goodLogging() account.Logging {
	return account.Logging{Connections: "on", MinMessages: "warning", LinePrefix: shortPrefix, Destination: "stderr", Messages: "C"}
}

// client is who an entry is about; nil = nobody.
type client struct {
	user, database string
	pid, port      int
	application    string // once its session has begun
}

// line is an entry as a server writes it.
func (s *server) line(at time.Time, c *client, severity, message string) string {
	state := cmp.Or(map[string]string{"ERROR": "42P01", "FATAL": "53300"}[severity], "00000")
	if s.verbose && severity != "STATEMENT" && severity != "DETAIL" {
		message = state + ": " + message
	}
	if s.german {
		severity = cmp.Or(map[string]string{"ERROR": "FEHLER", "STATEMENT": "ANWEISUNG"}[severity], severity)
	}
	who, pid, application := ":@", s.pid, ""
	if c != nil {
		who, pid, application = fmt.Sprintf("10.0.0.1(%d):%s@%s", c.port, c.user, c.database), c.pid, cmp.Or(c.application, "[unknown]")
		if c.port == 0 {
			who = fmt.Sprintf("[local]:%s@%s", c.user, c.database)
		}
	}
	stamp := at.Format(time.DateTime)
	switch s.logging.LinePrefix {
	case shortPrefix:
		return fmt.Sprintf("%s UTC:%s:[%d]:%s:  %s", stamp, who, pid, severity, message)
	case longPrefix:
		return fmt.Sprintf("%s.000 UTC:%s:[%d]:1:%s:%s UTC:3/7:0:65f0c1a2.4d:%s%s:  %s", stamp, who, pid, state, stamp, application, severity, message)
	}
	return fmt.Sprintf("%s.000 UTC [%d] %s:  %s", stamp, pid, severity, message)
}

// logs reports whether an entry of a severity is written at all.
func (s *server) logs(severity string) bool {
	quiet := s.logging.MinMessages == "fatal" && severity != "FATAL" || s.logging.Destination != "stderr"
	return !quiet
}

// write has an instance write an entry, which goes to one of its streams.
func (w *world) write(s *server, c *client, severity, message string) *entry {
	if !s.logs(severity) {
		return &entry{at: w.now, lost: true}
	}
	return w.export(s, w.streamOf(s), s.line(w.now.Truncate(time.Second), c, severity, message))
}

// streamOf is the one of an instance's streams that the next entry goes to.
func (w *world) streamOf(s *server) *stream {
	name := fmt.Sprintf("%s.%d", s.Name, w.rng.IntN(s.width))
	if at := slices.IndexFunc(s.streams, func(to *stream) bool { return to.name == name }); at >= 0 {
		return s.streams[at]
	}
	to := &stream{name: name, made: w.now}
	s.streams = append(s.streams, to)
	return to
}

// export ships an event, mostly within the lag.
func (w *world) export(s *server, to *stream, message string) *entry {
	e := &entry{at: w.now.Truncate(time.Second), arrives: w.now.Add(w.within(w.lag + 1)), message: message, to: to, lost: w.now.Before(s.stopped),
		unreadable: s.logging.LinePrefix == otherPrefix, german: s.german}
	if mask := w.mask(message); mask != message {
		e.masked = mask
		if w.untold {
			w.harmed()
		}
	}
	if e.lost || e.unreadable {
		w.harmed()
		s.missing = append(s.missing, e)
	}
	if e.lost {
		return e
	}
	switch {
	case to.lateUntil.After(e.arrives):
		e.arrives = to.lateUntil
		w.disturbed(e.arrives)
	case w.has.stragglers && w.rng.IntN(3000) < w.storm, w.has.stragglers && strings.Contains(message, "authorized: user=p") && w.chance(w.tardiness()):
		w.straggle(s, to, e)
		return e
	}
	e.arrives = later(e.arrives, to.arrived)
	to.arrived = e.arrives
	w.ship(to, e)
	if w.chance(3) { // CloudWatch Logs takes an event at least once
		e.twice = true
		w.ship(to, e)
	}
	return e
}

// ship puts an entry into a stream, as one event or, where the publisher cuts at newlines, as several.
func (w *world) ship(to *stream, e *entry) {
	first, rest, cut := strings.Cut(e.message, "\n")
	if !cut || !w.has.cuts {
		to.entries = append(to.entries, e)
		return
	}
	whole := *e
	e.message = first
	to.entries = append(to.entries, e)
	for piece := range strings.SplitSeq(rest, "\n") {
		next := whole
		next.message = piece
		to.entries = append(to.entries, &next)
	}
}

// tardiness is in how many of a hundred cases somebody's login straggles.
func (w *world) tardiness() int {
	if w.has.brinks {
		return 40
	}
	return 3 * w.storm
}

// straggle has one event arrive out of its stream's order. Up to twice what was late before is reckoned with, if the next run comes before
// the event expires.
func (w *world) straggle(s *server, to *stream, e *entry) {
	late, reckoned := w.within(3*day), w.lag
	if s.measures.Add(25 * day).After(w.now) {
		reckoned = max(reckoned, 2*s.measured)
	}
	switch {
	case w.has.brinks && w.chance(80): // as late as is reckoned with
		late = min(reckoned, 3*day) - w.within(reckoned/8+1)
	case w.chance(70):
		late = min(late, w.within(reckoned+1))
	}
	e.arrives, e.straggled = w.now.Add(late), true
	expires := w.retention > 0 && late > w.retention-51*time.Hour // a run may be killed
	e.beyond = e.arrives.Sub(e.at) > reckoned || expires
	if e.beyond {
		w.harmed() // the witnesses may miss it
	}
	w.disturbed(e.arrives)
	w.ship(to, e)
}

// reload has an instance reload its configuration, and gives the last entry that it writes of it.
func (w *world) reload(s *server, change func(*server), name, value string) *entry {
	s.reloaded = w.write(s, nil, "LOG", w.in(s, "received SIGHUP, reloading configuration files", "SIGHUP empfangen, Konfigurationsdateien werden neu geladen"))
	s.loaded = w.now.Truncate(time.Millisecond)
	if change == nil {
		return s.reloaded
	}
	change(s)
	return w.write(s, nil, "LOG", w.in(s, fmt.Sprintf("parameter %q changed to %q", name, value), fmt.Sprintf("Parameter »%s« auf »%s« gesetzt", name, value)))
}

// in is a message in an instance's language.
func (w *world) in(s *server, english, german string) string {
	if s.german {
		return german
	}
	return english
}

// restart starts an instance anew. One that is killed ships no more of what it wrote last.
func (w *world) restart(s *server, clean bool) {
	w.endSessions(s, clean)
	if clean {
		w.write(s, nil, "LOG", "received fast shutdown request")
		w.write(s, nil, "LOG", w.in(s, "database system is shut down", "Datenbanksystem ist heruntergefahren"))
	} else {
		w.loseTail(s)
		s.uncount()
	}
	w.now = w.now.Add(10 * time.Second)
	w.pid++
	s.pid, s.started = w.pid, w.now.Truncate(time.Millisecond)
	s.loaded = s.started.Add(-4 * time.Millisecond)
	w.write(s, nil, "LOG", w.in(s, "starting PostgreSQL 15.14 on aarch64, 64-bit", "PostgreSQL 15.14 on aarch64, 64-bit startet"))
	if !clean {
		w.notShutDown(s)
	}
	w.write(s, nil, "LOG", w.in(s, "database system is ready to accept connections", "Datenbanksystem ist bereit, um Verbindungen anzunehmen"))
}

func (w *world) notShutDown(s *server) {
	w.pid++
	startup := s.pid
	s.pid = w.pid
	w.write(s, nil, "LOG", "database system was interrupted; last known up at 2026-01-01 00:00:00 UTC")
	w.write(s, nil, "LOG", w.in(s, "database system was not properly shut down; automatic recovery in progress",
		"Datenbanksystem wurde nicht richtig heruntergefahren; automatische Wiederherstellung läuft"))
	s.pid = startup
}

// loseTail loses what a killed server wrote within the lag and had not shipped: this is where the promise ends.
func (w *world) loseTail(s *server) {
	w.harmed()
	for _, to := range s.streams {
		for _, e := range to.entries {
			if e.at.After(w.now.Add(-w.lag)) && e.arrives.After(w.now) {
				e.lost, e.beyond = true, true
			}
		}
	}
}

// crash ends a backend by a signal, whereupon the server ends all of them, with or without saying so.
func (w *world) crash(s *server) {
	w.endSessions(s, false)
	s.uncount()
	if w.chance(30) {
		return
	}
	w.write(s, nil, "LOG", "server process (PID 4711) was terminated by signal 9: Killed")
	w.write(s, nil, "LOG", w.in(s, "terminating any other active server processes", "aktive Serverprozesse werden abgebrochen"))
	w.notShutDown(s)
	w.write(s, nil, "LOG", w.in(s, "database system is ready to accept connections", "Datenbanksystem ist bereit, um Verbindungen anzunehmen"))
}

// promote makes another instance the writer; the former one starts anew.
func (w *world) promote() {
	live := w.live()
	if len(live) < 2 {
		return
	}
	next := live[1+w.rng.IntN(len(live)-1)]
	former := w.writer()
	if next == former {
		return
	}
	former.Writer, next.Writer = false, true
	if w.chance(70) {
		w.write(next, nil, "LOG", w.in(next, "received promote request", "Anforderung zum Befördern empfangen"))
	}
	w.restart(former, true)
}

// refreshed is a database that is dropped and made again each night.
const refreshed = "staging"

// look is what a session finds on an instance first thing after its login.
func (s *server) lookAt(at time.Time) evidence.Look {
	sessions := maps.Clone(s.sessions)
	sessions[refreshed] = account.SessionCount{OID: uint32(at.Unix()), Count: at.Unix() % 97}
	return evidence.Look{At: at, Started: s.started, Loaded: s.loaded, Sessions: sessions}
}
