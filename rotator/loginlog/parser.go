package loginlog

import "strings"

// Parser judges events against the roles and databases of one cluster. It is immutable, so safe for concurrent use.
type Parser struct {
	roles     map[string]string
	databases map[string]string
	texts     *texts
}

// New makes a parser for the names in pg_roles and pg_database, as the log spells them.
func New(roles, databases []string) *Parser {
	return &Parser{roles: catalogue(roles), databases: catalogue(databases), texts: knownTexts()}
}

func catalogue(names []string) map[string]string {
	byName := make(map[string]string, len(names))
	for _, name := range names {
		byName[name] = name
	}
	return byName
}

// Parse judges one event: one log entry, or a line of one where the publisher cuts entries at newlines. A newline at
// its very end is not part of it. What an Event has beyond Stamped, Prefixed and Shape is of use for the kinds that its
// fields name.
func (p *Parser) Parse(message string) (Event, Kind) {
	entry := strings.TrimSuffix(message, "\n")
	stamp, rest, ok := cutStamp(entry)
	if !ok {
		shape, kind := judgeUnstamped(entry)
		return Event{Stamped: shape == OtherPrefix, Shape: shape}, kind
	}
	if strings.HasPrefix(rest, noClient) {
		return p.parseServer(stamp, withoutStrayLines(rest))
	}
	host, port, rest, ok := cutClient(rest)
	if !ok {
		return Event{Stamped: true}, Tampering
	}
	r := reading{parser: p, session: Session{Host: host, Port: port}}
	v := r.judgeMarks(withoutStrayLines(rest))
	return Event{
		User: v.user, Others: v.others, Database: v.database, Replication: v.replication,
		Session: r.session, Forgeable: v.kind != Bystander && isPairCut(rest), Contested: v.contested,
		Entry: v.entry, Shape: v.shape(), Stamped: true, Prefixed: r.marks > 0, stamp: stamp,
	}, v.kind
}

// client is a user and a database, as the catalogue spells them where it has them.
type client struct {
	user, database string
	// replication without a database leaves that empty.
	replication bool
	// known says that the catalogue has the user, both that it has the database too.
	known, both bool
	// others are the catalogued users of the prefix's other readings.
	others []string
}

// verdict is what one reading of an entry shows.
type verdict struct {
	client
	kind  Kind
	entry string
	// genuine says that the message names the prefix's client, and ends as PostgreSQL ends it; contested that tampering may be
	// such a login all the same.
	genuine, contested bool
	// partlyMasked says that the catalogue lacks the client, and that its name may be masked in part.
	partlyMasked bool
	// tail is the number of bytes at a genuine entry's end that are not the client's names.
	tail int
}

// reading is one entry on its way to a verdict.
type reading struct {
	parser  *Parser
	session Session
	// marks are the places where the names may end; scanned counts the bytes of messages, once for each look at one.
	marks, scanned int
}

// judgeMarks tries every mark that may end the names. Only the last can be right: were it an earlier one, a stranger's
// names would reach to the last one. So more than one makes an entry tampering, but for a login or a disconnection: its
// message repeats the names, with the marks that are theirs.
func (r *reading) judgeMarks(text string) verdict {
	var v verdict
	var m mark
	end, body := pairEnd(text), 0
	for ok := m.find(text, 0, end); ok; ok = m.find(text, m.at+1, end) {
		pair := text[:m.at]
		if !isPair(pair) && !isMasked(pair) || v.genuine && m.at < len(text)-v.tail {
			continue
		}
		if r.marks++; r.marks == 1 {
			body = m.at + len(":[]:")
		}
		r.session.PID = m.pid
		if v.genuine {
			return v.tampering(r.turnsAway(text, m, end) || r.parser.hasUncutNames(text, body))
		}
		r.judgeMark(&v, pair, &m)
		v.partlyMasked = !v.known && (v.kind == Unknown || v.genuine) && IsPartlyMasked(pair)
	}
	switch {
	case r.marks == 0, v.kind != Bystander && r.parser.hasUncutNames(text, body):
		return verdict{kind: Tampering}
	case r.marks > 1 && (!v.genuine || !v.both):
		return v.tampering(false)
	}
	return v
}

// turnsAway reports that behind the last of the marks, from one on, stands what may be written before authorization: then all before it
// may be the names of whoever has no credentials.
func (r *reading) turnsAway(text string, last mark, end int) bool {
	m := last
	for m.find(text, m.at+1, end) {
		if isPair(text[:m.at]) {
			last = m
		}
	}
	if last.severity == noSeverity {
		return false
	}
	_, message := cutState(last.sqlstate, last.message)
	r.scanned += len(message)
	return r.parser.kindOf(last.severity, message) != Sign
}

// tampering is the verdict on an entry of which another reading is possible, by which its client may have been turned away.
func (v *verdict) tampering(turnedAway bool) verdict {
	contested := v.genuine && (v.kind == Login || v.kind == OtherLogin) && !turnedAway
	if !contested {
		return verdict{kind: Tampering}
	}
	return verdict{kind: Tampering, contested: true, client: client{user: v.user, database: v.database, replication: v.replication}}
}

// judgeMark judges the message after a mark. Under the second prefix the application name before the severity may itself
// read as a severity and a message; it is the client's own.
func (r *reading) judgeMark(v *verdict, pair string, m *mark) {
	*v = verdict{}
	for body, ok := m.severed, true; ok; body, ok = nextSeverity(m.body, body.start+1) {
		if body.severity == noSeverity {
			break
		}
		sqlstate, message := cutState(m.sqlstate, body.message)
		if body.severity == severityFatal && sqlstate == succeeded {
			continue
		}
		named := ""
		if body.severity == severityLog && (sqlstate == "" || sqlstate == succeeded) {
			var genuine verdict
			if genuine, named = r.judgeNamed(pair, message); genuine.genuine {
				*v = genuine
				return
			}
		}
		if v.entry == "" && r.marks == 1 {
			r.judgeUnnamed(v, pair, body.severity, message, named)
		}
		if m.sqlstate == "" {
			break
		}
	}
	if v.entry == "" {
		v.kind = Unknown
	}
}

// judgeUnnamed judges a message that does not name its client: by the prefix, its severity and its text. One that looks as
// if it named it and is not genuine was written by RAISE LOG.
func (r *reading) judgeUnnamed(v *verdict, pair string, s severity, message, named string) {
	r.scanned += len(message)
	v.client, v.entry = r.parser.clientOf(pair), s.String()
	if named != "" {
		v.entry = named
	}
	switch {
	case !v.known:
		v.kind = r.parser.kindOfOther(pair, s, message, named)
	case named != "":
		v.kind = Tampering
	default:
		v.kind = r.parser.kindOf(s, message)
	}
	if v.others != nil && v.kind == Refusal {
		v.kind = Tampering // Nobody can tell whose login it takes back.
	}
}

// kindOfOther judges an entry of a user whom the catalogue lacks.
func (p *Parser) kindOfOther(pair string, s severity, message, named string) Kind {
	switch {
	case isMaskedPair(pair) && named != "":
		return Unread
	case isMaskedPair(pair):
		return maskedKind(p.kindOf(s, message))
	case strings.IndexByte(pair, '*') > 0 && IsPartlyMasked(pair) && p.kindOf(s, message) == Sign:
		return Unknown
	case s == severityLog && p.isNobody(pair):
		return Attempt
	case s == severityFatal && p.kindOf(s, message) == Refusal:
		return Refusal
	}
	return Bystander
}

// maskedKind is the kind of an entry whose user nobody can read.
func maskedKind(kind Kind) Kind {
	switch kind {
	case Sign:
		return Unread
	case Attempt, Ambiguous:
		return Unknown
	}
	return kind
}

// shape describes an event that could not be read.
func (v *verdict) shape() string {
	switch {
	case v.partlyMasked && v.entry != "" && (v.kind == Unknown || v.genuine):
		return v.entry + PartlyMasked
	case v.kind == Unread || v.kind == Unknown && v.entry != "":
		return v.entry + " under a masked name"
	case v.kind == Unknown:
		return NoSeverity
	}
	return ""
}

// isNobody reports whether the prefix has no names yet, as before the client has sent them.
func (p *Parser) isNobody(pair string) bool {
	if !strings.HasPrefix(pair, "[") {
		return false
	}
	user, database, _ := strings.Cut(pair, "@")
	return p.texts.unknowns[user] && p.texts.unknowns[database]
}

// clientOf finds the client of the prefix: of the cuts of "user@database" the one whose halves the catalogue has, else
// one whose user it has.
func (p *Parser) clientOf(pair string) client {
	var best client
	for at := nextAt(pair, 0); at > 0; at = nextAt(pair, at) {
		c := p.lookUp(pair[:at], pair[at+1:])
		switch {
		case !c.known || best.both && !c.both:
		case !best.known || c.both && !best.both:
			best = c
		default:
			best.others = append(best.others, c.user)
		}
	}
	return best
}

// nextAt finds the next @ that parts two names, 0 = there is none: the prefix has a word for a name that is missing.
func nextAt(pair string, after int) int {
	if after+2 >= len(pair) {
		return 0
	}
	next := strings.IndexByte(pair[after+1:len(pair)-1], '@')
	if next < 0 {
		return 0
	}
	return after + 1 + next
}

// lookUp finds the names in the catalogue; a connection for replication may have no database.
func (p *Parser) lookUp(user, database string) client {
	role, known := p.roles[user]
	if !known {
		return client{database: database}
	}
	if name, ok := p.databases[database]; ok {
		return client{user: role, database: name, known: true, both: true}
	}
	if p.texts.unknowns[database] {
		return client{user: role, replication: true, known: true, both: true}
	}
	return client{user: role, database: database, known: true}
}
