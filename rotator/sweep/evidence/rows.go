package evidence

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/loginlog"
	"pgrotator/rotator/logread"
)

// attempts are the rows of one role: they tell how many of its attempts were authorized and how many of those turned away, and whether
// these were the same ones, but not which is which.
type attempts struct {
	authorized, refused int64
	pids                int64 // the sum of the process ids of the authorized ones less that of the refused
	latest              int64 // of the authorized ones, ms since 1970
	stream              string
	before              shown // the latest known of the authorized ones before the role was locked; zero = none
}

// turnedAway reports that each authorized attempt has its own refusal: there are as many, of the same processes. A refusal of an attempt
// before the stretch, or one delivered twice, takes back no login of another process.
func (a *attempts) turnedAway() bool { return a.authorized == a.refused && a.pids == 0 }

// letIn reports that attempts of a role may have been let in: of one that is open any that was authorized; of another any unless all were
// turned away. What was authorized before a role was locked counts besides, and leaves it open whether the others were.
func (t *tally) letIn(role string) bool {
	a := t.attempts[role]
	return a.authorized > 0 && (t.oneSuffices && t.locked[role].IsZero() || a.before.at == 0 && !a.turnedAway())
}

// tally is what the rows of a stretch show of roles.
type tally struct {
	roles       map[string]bool
	oneSuffices bool                 // an authorized attempt of a role that is open, however many were turned away
	locked      map[string]time.Time // since when roles are locked: until then they were open
	attempts    map[string]*attempts
	shown       map[string]shown // what only a session of the role's own writes
}

// shown is the latest entry that shows a role active.
type shown struct {
	at     int64
	stream string
	kind   string // in words
}

func newTally(n Names) *tally {
	t := &tally{oneSuffices: true, locked: n.Locked, roles: make(map[string]bool, len(n.Roles)), attempts: map[string]*attempts{}, shown: map[string]shown{}}
	for _, r := range n.Roles {
		t.roles[r] = true
	}
	return t
}

// add takes in a row. Where the names can be parted in more than one way it counts for every role that they may name.
func (t *tally) add(r logread.Row) {
	for at := range len(r.Names) {
		if r.Names[at] == '@' && t.roles[r.Names[:at]] {
			t.addTo(r.Names[:at], r)
		}
	}
}

func (t *tally) addTo(role string, r logread.Row) {
	switch r.Class {
	case logread.Login, logread.Refusal:
		a := t.attempts[role]
		if a == nil {
			a = &attempts{}
			t.attempts[role] = a
		}
		if r.Class == logread.Refusal {
			a.refused, a.pids = a.refused+r.Count, a.pids-r.PIDs
			return
		}
		a.authorized, a.pids = a.authorized+r.Count, a.pids+r.PIDs
		if r.Earliest <= t.locked[role].UnixMilli() { // or in the lock's own second, since the log has whole ones: the doubt spares the role
			if r.Earliest > a.before.at {
				a.before = shown{r.Earliest, r.Stream, ByLogin}
			}
		}
		if r.Latest > a.latest {
			a.latest, a.stream = r.Latest, r.Stream
		}
	case logread.Disconnection:
		t.see(role, r, "disconnection")
	case logread.Other:
		t.see(role, r, strings.TrimSpace(r.Severity+" entry"))
	}
}

func (t *tally) see(role string, r logread.Row, kind string) {
	if r.Latest > t.shown[role].at {
		t.shown[role] = shown{r.Latest, r.Stream, kind}
	}
}

// active gives for each role the latest entry that shows it active; of one that was when it was locked, what shows that, since what comes
// later may be of the same session.
func (t *tally) active() map[string]shown {
	for role, a := range t.attempts {
		if a.before.at != 0 {
			t.shown[role] = a.before
		} else if t.letIn(role) && a.latest > t.shown[role].at {
			t.shown[role] = shown{a.latest, a.stream, "login"}
		}
	}
	return t.shown
}

// Row takes in a row of a stretch that is read by Logs Insights.
func (l *Log) Row(r logread.Row) {
	s := l.stream(r.Stream)
	s.noteRow(r)
	in := s.instance
	switch r.Class {
	case logread.Login:
		in.logins += int(r.Count)
		if r.Canary != "" && l.isOwn(r.Names) {
			s.findCanary(" application_name=" + r.Canary)
			l.stored.find(" application_name="+r.Canary, l.names.Stack, r.Latest)
		}
	case logread.Tampering:
		in.suspicious += int(r.Count)
	case logread.ServerNotice:
		if event, kind := l.parser.Parse(r.Server); kind == loginlog.Server {
			in.server(event, r.Latest)
		}
	}
	if l.names.hides(r) {
		in.unreadable("masked "+r.Severity, int(r.Count), r.Earliest, r.Latest)
	}
	in.tell(l.names.shape(r), int(r.Count))
	l.rows.add(r)
}

// isOwn reports names that are one of the pair's users and a database, and cannot be another's: a role "app_a@x" in "app" is not the
// pair's app_a.
func (l *Log) isOwn(names string) bool {
	own := false
	for at := range len(names) {
		user, database := names[:at], names[min(at+1, len(names)):]
		if names[at] != '@' || !slices.Contains(l.names.Roles, user) && !l.names.Own[user] {
			continue
		}
		if own = l.names.Own[user] && slices.Contains(l.names.Databases, database); !own {
			return false
		}
	}
	return own
}

// Masked reports a row that makes evidence incomplete: only an authorized session writes its entries, and its role's name is all
// asterisks. What a stranger can write under such a name is none.
func Masked(r logread.Row) bool {
	user, _, _ := strings.Cut(r.Names, "@")
	return user != "" && strings.Trim(user, "*") == "" && (r.Class == logread.Login || r.Class == logread.Disconnection || r.Class == logread.Other)
}

// hides reports a masked row whose name is no role's.
func (n Names) hides(r logread.Row) bool { return Masked(r) && !n.hasUser(r.Names) }

// hasUser reports names of a prefix that may be a catalogued role's.
func (n Names) hasUser(names string) bool {
	return slices.ContainsFunc(n.Roles, func(role string) bool { return strings.HasPrefix(names, role+"@") })
}

// shape describes a row of what cannot be read for certain, and is told; "" = none. Unproven ones do not tell their names.
func (n Names) shape(r logread.Row) string {
	switch {
	case r.Class == logread.Stamped:
		return loginlog.OtherPrefix
	case r.Class == logread.Other && r.Severity != "" && !loginlog.IsSeverity(r.Severity):
		return loginlog.NoSeverity
	case !loginlog.IsPartlyMasked(r.Names) || n.hasUser(r.Names):
		return ""
	case r.Class == logread.Login:
		return ByLogin + loginlog.PartlyMasked
	case r.Class == logread.Disconnection:
		return ByDisconnection + loginlog.PartlyMasked
	case r.Class == logread.Other:
		return cmp.Or(r.Severity, "entry") + loginlog.PartlyMasked
	}
	return ""
}

// noteRow follows a stream by its rows.
func (s *streamLog) noteRow(r logread.Row) {
	in := s.instance
	in.counting = false
	in.events += int(r.Count)
	s.inSlice = max(s.inSlice, r.Latest)
	if s.oldest == 0 || r.Earliest < s.oldest {
		s.oldest = r.Earliest
	}
	if in.oldest == 0 || r.Earliest < in.oldest {
		in.oldest = r.Earliest
	}
	in.previous, in.last = in.last, max(in.last, r.Latest)
	s.delay = max(s.delay, r.Delay)
	in.delay = max(in.delay, s.delay)
	if r.Class != logread.Unstamped {
		s.stamped += int(r.Count)
	}
	if r.Class != logread.Unstamped && r.Class != logread.Stamped {
		s.prefixed += int(r.Count)
	}
}

// endRows takes what the rows of a stretch show for activity. A stretch is read whole or not at all.
func (l *Log) endRows() {
	for role, a := range l.rows.attempts {
		if a.before.at == 0 && l.rows.letIn(role) {
			l.saw(account.Activity{Role: role, At: milli(a.latest), Began: milli(a.latest), Source: ByLogin})
		}
	}
	for role, s := range l.rows.active() {
		source := BySignOfLife
		switch s.kind {
		case ByLogin, ByDisconnection:
			source = s.kind
		}
		l.saw(account.Activity{Role: role, At: milli(s.at), Began: milli(s.at), Source: source})
	}
	clear(l.rows.attempts)
	clear(l.rows.shown)
}
