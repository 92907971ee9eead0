package first

import "time"

// Kind says what an event shows.
type Kind uint8

const (
	// None is an event that shows nothing about a login.
	None Kind = iota
	// Login is a genuine "connection authorized" entry. PostgreSQL writes it once the password is right; a
	// Refusal of the same Session that follows means that no session began.
	Login
	// Disconnection is the end of a session (log_disconnections).
	Disconnection
	// Refusal is a FATAL entry that turns away an attempt, be it one already authorized: no session began.
	Refusal
	// Fatal is any other FATAL entry. After a Login of the same Session it ended a session that had begun; alone it
	// proves nothing, since a wrong password is one too.
	Fatal
	// Suspicious is an event that PostgreSQL does not write for an honest client, or that can be read in more than
	// one way. Its Event is empty.
	Suspicious
)

// String returns the kind's name in lower case.
func (k Kind) String() string {
	switch k {
	case None:
		return "none"
	case Login:
		return "login"
	case Disconnection:
		return "disconnection"
	case Refusal:
		return "refusal"
	case Fatal:
		return "fatal"
	case Suspicious:
		return "suspicious"
	default:
		return "invalid"
	}
}

// Session tells one connection from another while its server process lives: a Login and the Refusal or Disconnection
// that follows it have equal Sessions. It is comparable.
type Session struct {
	PID int
	// Host is an address, a name (log_hostname) or "[local]". It aliases the parsed message: strings.Clone it
	// before keeping it.
	Host string
	// Port is the client's; 0 for a Unix socket.
	Port int
}

// Event is who an entry is about. User and Database are the catalogue's strings; keeping the Event as a whole keeps the
// message, since Session.Host and the text behind LoggedAt are parts of it.
type Event struct {
	// User is the role that the client authenticated as, as the catalogue spells it.
	User string
	// Database is as the catalogue spells it, "" for physical replication, which has none.
	Database string
	// Replication is known for a Login, and for the others where they have no Database.
	Replication bool
	Session     Session
	// Forgeable says that the text is short enough to be the user and database names (63 bytes each) that a client
	// without credentials sent, ending in a newline. It matters only where the publisher cuts entries at newlines,
	// which a Suspicious event shows: the rest of such an entry. (Where a role or database has an @ in its name, a
	// stranger has room to give that rest a timestamp and an address too.)
	Forgeable bool

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
