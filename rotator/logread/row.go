package logread

import "strings"

// Row stands for all entries of one kind under one prefix in one stream of a stretch. Every event of the stretch is counted in one
// row, so a stream's position can be followed by its rows whatever they are about.
type Row struct {
	Kind
	Count    int64
	Earliest int64 // ms since 1970
	Latest   int64 // ms since 1970
	Delay    int64 // the longest time from an event to its ingestion, ms
	// PIDs is the sum of the process ids of a row of Logins or Refusals, by which it can be told whether they are the same attempts.
	PIDs int64
}

// Kind is what the entries of a row have in common.
type Kind struct {
	Stream string
	Class  Class
	// Names are what the prefix holds for user@database, raw, as far as the first mark ":[pid]:". Nothing says where the user's name
	// ends if there are several @. Entries of the server's own processes have "@"; Unproven, Tampering, Stamped and Unstamped have "".
	Names string
	// Severity is the entry's, in whatever language; "" where the name of an application in front of it hides it.
	Severity string
	// Replication tells of a Login that it is a walsender's.
	Replication bool
	// Canary is the application_name of a Login, if it is one of the sweep's own.
	Canary string
	// Server is the beginning of a ServerNotice, from its timestamp on: an event to be parsed as such.
	Server string
}

// Class says what the entries of a row are.
type Class uint8

const (
	// Other is an entry under Names that is in no other class. As far as is known, only an authorized session writes it, or the server.
	Other Class = iota
	// Login is "connection authorized" in any of its forms.
	Login
	// Disconnection is the end of a session.
	Disconnection
	// Refusal turns an authorized client away: its session never began, and a Login of the same process came before it.
	Refusal
	// Unproven is an entry that may be a stranger's: every other FATAL, what is written before authorization or before and after it
	// alike, refusals of clients not yet authorized among it, and the further parts of a report (DETAIL, LOCATION and the like). Strangers
	// could make as many names as they like.
	Unproven
	// Tampering has a second mark within the reach of the names, and is neither Login nor Disconnection as a whole; or one further on, where
	// PostgreSQL had not cut the names of a client yet.
	Tampering
	// ServerNotice is what the server writes of settings, starts, stops and promotions, or what a parallel worker of any role writes
	// in such words: the process id tells.
	ServerNotice
	// Stamped begins with a time and has no mark where both prefixes that RDS allows have one.
	Stamped
	// Unstamped does not begin with a time, or is the twin of an entry in CSV.
	Unstamped
)

// String returns the class's name in lower case.
func (c Class) String() string {
	return [...]string{"other", "login", "disconnection", "refusal", "unproven", "tampering", "server notice", "stamped", "unstamped"}[c]
}

// isAttempt reports a kind that tells of attempts to log in with the right password.
func (k Kind) isAttempt() bool { return k.Class == Login || k.Class == Refusal }

// doubledMark is what rows.txt takes from a second mark; under names it is that of a login with such a mark in its application's name.
const doubledMark = "]:"

// kindOf reads the two fields that rows.txt divides the events of a stream by.
func kindOf(stream, who, what string) Kind {
	k := Kind{Stream: stream}
	switch {
	case who == doubledMark:
		k.Class = Tampering
	case who == what && who == stream:
		k.Class = Unstamped
	case who == what && isStampDigit(who):
		k.Class = Stamped
	case who == what:
		k.Class, k.Severity = Unproven, what
	default:
		k.Names = who
		k.readEntry(what)
	}
	return k
}

// readEntry reads what an entry under the kind's names is.
func (k *Kind) readEntry(what string) {
	switch {
	case isStampDigit(what):
	case what == "connection authorized", what == "replication connection authorized", what == doubledMark:
		k.Class, k.Severity, k.Replication = Login, "LOG", strings.HasPrefix(what, "replication")
	case strings.HasPrefix(what, "pgrotator-"):
		k.Class, k.Severity, k.Canary = Login, "LOG", what
	case what == "disconnection":
		k.Class, k.Severity = Disconnection, "LOG"
	case what == "FATAL":
		k.Class, k.Severity = Refusal, what
	case '0' <= what[0] && what[0] <= '9':
		k.Class, k.Severity, k.Server = ServerNotice, "LOG", what
	default:
		k.Severity = what
	}
}

// isStampDigit knows what rows.txt takes from the time that an event begins with.
func isStampDigit(text string) bool { return len(text) == 1 && '0' <= text[0] && text[0] <= '9' }
