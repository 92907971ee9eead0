package loginlog

import "time"

// Shapes that a log's rows have too.
const (
	OtherPrefix  = "entry under another log_line_prefix"
	NoSeverity   = "entry without a known severity"
	PartlyMasked = " under a partly masked name" // after what kind of entry it is
)

// Kind says what an event shows.
type Kind uint8

const (
	// Unknown is whatever fits no other kind; Event.Shape describes it.
	Unknown Kind = iota
	// Login is a genuine "connection authorized" entry of a catalogued role. PostgreSQL writes it once the password is right;
	// a Refusal of the same Session that follows means that no session began.
	Login
	// OtherLogin is as genuine, of a user that the catalogue lacks: one session more, nobody's activity.
	OtherLogin
	// Disconnection is the end of a session (log_disconnections).
	Disconnection
	// Sign is a sign of life: an entry that only an authorized session writes.
	Sign
	// Refusal is a FATAL that turns an attempt away, be it one already authorized: no session began.
	Refusal
	// Attempt is what PostgreSQL tells about a client before it lets it in, short of refusing it.
	Attempt
	// Ambiguous is what PostgreSQL writes before and after authorization alike, every FATAL that is no known Refusal among
	// it: activity only in a Session that another entry proves.
	Ambiguous
	// Detail belongs to the entry before it (DETAIL, HINT, CONTEXT, QUERY, LOCATION, BACKTRACE) and shows nothing alone.
	Detail
	// Server is written by a process that serves no client; Event.Server says what matters of it. A parallel worker's RAISE
	// LOG looks the same: only the postmaster's process id, which the Session has, proves who wrote it.
	Server
	// Bystander is known, and nobody's: further lines of an entry, entries of names that the catalogue lacks, the lines of
	// the HTTP client that asks about IAM tokens, the other forms of the log (CSV, JSON).
	Bystander
	// Tampering is an event that PostgreSQL does not write for an honest client, or that can be read in more than one way.
	// A client without credentials can write it.
	Tampering
	// Unread is an entry that only an authorized session writes, of a role whose name is masked.
	Unread
)

var kindNames = [...]string{
	Unknown: "unknown", Login: "login", OtherLogin: "other login", Disconnection: "disconnection", Sign: "sign of life",
	Refusal: "refusal", Attempt: "attempt", Ambiguous: "ambiguous", Detail: "detail", Server: "server",
	Bystander: "bystander", Tampering: "tampering", Unread: "unread",
}

// String returns the kind's name in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid"
}

// ServerEntry says what an entry of the server's own tells about the log's continuity.
type ServerEntry uint8

const (
	// NoServerEntry is any other entry.
	NoServerEntry ServerEntry = iota
	// ReloadRequested is written before a reload, in the old form.
	ReloadRequested
	// ParameterChanged has Event.Parameter and Event.Value; it is written after the change, in the new form.
	ParameterChanged
	// ParameterReset has Event.Parameter, which is out of the configuration file.
	ParameterReset
	// Starting is the first entry of a postmaster.
	Starting
	// Ready is written once connections are accepted, be they read-only.
	Ready
	// Promoted is a standby asked to become the primary.
	Promoted
	// ShutDown is the last entry of a clean end.
	ShutDown
	// NotShutDown is the start after an end that was not clean.
	NotShutDown
	// CrashedBackend is written when a process died and the postmaster ends all others.
	CrashedBackend
)

// Session tells one connection from another while its server process lives: a Login and the Refusal or Disconnection
// that follows it have equal Sessions. It is comparable.
type Session struct {
	PID int
	// Host is an address, a name (log_hostname), "[local]", or asterisks where it is masked. It aliases the parsed message:
	// strings.Clone it before keeping it.
	Host string
	// Port is the client's; 0 for a Unix socket, or masked.
	Port int
}

// Event is who an entry is about. Keeping it keeps the message, of which Session.Host, Parameter, Value, Text, the text behind
// LoggedAt and the names of databases that the catalogue lacks are parts.
type Event struct {
	// User is the role that the client authenticated as, as the catalogue spells it; "" where the catalogue lacks it.
	User string
	// Others are further roles whose entry it may be as well, where names with an @ leave that open and no message says it.
	Others []string
	// Database is as the catalogue or, where that lacks it, the prefix spells it; "" for physical replication, which has
	// none.
	Database string
	// Replication is known for a Login, be it another's or contested, and for the others where they have no Database.
	Replication bool
	Session     Session
	// Forgeable says that the text is short enough to be the user and database names (63 bytes each) that a client
	// without credentials sent, ending in a newline. It matters only where the publisher cuts entries at newlines,
	// which a Tampering event shows: the rest of such an entry. (Where a role or database has an @ in its name, a
	// stranger has room to give that rest a timestamp and an address too.)
	Forgeable bool
	// Contested says that a Tampering event may be a login all the same, of which a name of the client's own makes another reading
	// possible: a mail address as user and a mark in the application's name are enough. User is then whose it would be, "" where
	// the catalogue lacks him.
	Contested bool
	// Server, with Parameter and Value, is what a Server event tells.
	Server           ServerEntry
	Parameter, Value string
	// Text is a Server event's message, where it is of level LOG and NoServerEntry.
	Text string
	// Entry is what kind of entry it was: "login", "disconnection", or PostgreSQL's English severity. It has no text of the
	// entry's own.
	Entry string
	// Shape describes an Unread or Unknown event, and what a session wrote whose user seems to be masked in part. There are a few
	// dozen, and none has text of the entry's own.
	Shape string
	// Stamped says that the event begins with a date and a time and is not an entry in CSV, Prefixed that it has one of the two prefixes.
	Stamped, Prefixed bool

	stamp string
}

// LoggedAt returns the entry's own time, to the second (%t) or millisecond (%m). It is false where log_timezone is
// not UTC (Amazon RDS sets it to UTC): the abbreviation of another zone does not tell its offset.
func (e Event) LoggedAt() (time.Time, bool) {
	for _, layout := range []string{"2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 GMT"} {
		if t, err := time.Parse(layout, e.stamp); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
