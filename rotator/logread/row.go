package logread

// Row stands for all entries of one kind under one prefix in one stream of a stretch. Every event of the stretch is counted in
// exactly one row, so a stream's position can be followed by its rows whatever they are about.
type Row struct {
	Stream string
	Class  Class
	// Names are what the prefix holds for user@database, raw, as far as the first mark ":[pid]:"; "" for the classes that have none.
	// Nothing says where the user's name ends if there are several @.
	Names string
	// Severity is the entry's, in whatever language; "" where an application name in front of it hides it.
	Severity string
	// Canary is the sweep's own application_name of a Login.
	Canary string
	// Server is the beginning of an entry of ServerNotice, from its timestamp on: an event to be parsed as such.
	Server   string
	Count    int64
	Earliest int64 // ms since 1970
	Latest   int64 // ms since 1970
	Delay    int64 // the longest time from an event to its ingestion, ms
}

// Class says what the entries of a row are.
type Class uint8

const (
	// Other is an entry under Names that is in no other class: only an authorized session writes it, as far as is known.
	Other Class = iota
	// Login is "connection authorized" in any of its forms.
	Login
	// Disconnection is the end of a session.
	Disconnection
	// Refusal turns an authorized client away: its session never began.
	Refusal
	// Unproven is an entry that may be a stranger's: every other FATAL, what is written before authorization or before and after it
	// alike, and the further parts of a report (DETAIL, LOCATION and the like). It has no Names: strangers could make as many as they like.
	Unproven
	// Tampering has a second mark within the reach of the names and is neither Login nor Disconnection as a whole.
	Tampering
	// ServerNotice is what the server itself writes of settings, starts, stops and promotions.
	ServerNotice
	// Stamped begins with a time and has no mark where both prefixes that RDS allows have one.
	Stamped
	// Unstamped does not begin with a time.
	Unstamped
)
