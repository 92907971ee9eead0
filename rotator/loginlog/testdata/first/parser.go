// Package first is the parser of version 1.0, kept for a benchmark only: in the same run, on the same machine, it is what the parser
// of today is held against. Nothing else imports it.
package first

import "strings"

// unknownDatabase is what %d prints for a connection that names no database: physical replication.
const unknownDatabase = "[unknown]"

// Parser judges events against the roles and databases of one cluster. It is immutable, so safe for concurrent use.
type Parser struct {
	roles     map[string]string
	databases map[string]string
}

// New makes a parser for the names in pg_roles and pg_database. A login to a database that is not among them is not
// counted, so databases that were dropped or renamed since the log was written belong here too.
func New(roles, databases []string) *Parser {
	return &Parser{roles: catalogue(roles), databases: catalogue(databases)}
}

func catalogue(names []string) map[string]string {
	byName := make(map[string]string, len(names))
	for _, name := range names {
		byName[name] = name
	}
	return byName
}

// Parse judges one event: one log entry, or a line of one where the publisher cuts entries at newlines. A newline at
// its very end is not part of it. The Event is empty for None and Suspicious.
func (p *Parser) Parse(message string) (Event, Kind) {
	entry := strings.TrimSuffix(message, "\n")
	stamp, rest, ok := cutStamp(entry)
	if !ok {
		return Event{}, judgeFragment(entry)
	}
	if strings.HasPrefix(rest, ":@:[") {
		return Event{}, None // A process that serves no client, such as the checkpointer or a parallel worker.
	}
	host, port, rest, ok := cutClient(rest)
	if !ok {
		return Event{}, Suspicious
	}
	session := Session{Host: host, Port: port}
	v := p.judgeMarks(&session, rest)
	if v.kind == None || v.kind == Suspicious {
		return Event{}, v.kind
	}
	return Event{
		User: v.user, Database: v.database, Replication: v.replication,
		Session: session, Forgeable: isPairCut(rest), stamp: stamp,
	}, v.kind
}

// judgeFragment judges an event without a timestamp. PostgreSQL starts the further lines of a message with a tab; any
// other line is the rest of a name with a newline in it, and so is one with a tab that holds the end of a prefix.
func judgeFragment(line string) Kind {
	if !strings.HasPrefix(line, "\t") {
		return Suspicious
	}
	if _, ok := nextMark(line, 0, 2*maxName+1); ok {
		return Suspicious
	}
	return None
}

// names are a user and a database as the catalogue spells them.
type names struct {
	user, database string
	// replication without a database leaves that empty.
	replication bool
}

// verdict is what one reading of an entry shows.
type verdict struct {
	names
	kind Kind
	// known says that the catalogue has the names of this reading.
	known bool
	// tail is the number of bytes at the entry's end that are not the client's names.
	tail int
}

// judgeMarks tries every mark that may end the names. Only the last can be right: were it an earlier one, a stranger's
// names would reach to the last one. An earlier one that reads as an entry of its own is a forged prefix, or makes the
// entry ambiguous. A mark inside the names that a message repeats is theirs, and ends nothing. The session gets the
// process id of the mark.
func (p *Parser) judgeMarks(session *Session, text string) verdict {
	var v verdict
	marks, known, end := 0, false, pairEnd(text)
	for m, ok := nextMark(text, 0, end); ok; m, ok = nextMark(text, m.at+1, end) {
		if !isPair(text[:m.at]) || v.kind != None && m.at < len(text)-v.tail {
			continue
		}
		if v.kind != None {
			return verdict{kind: Suspicious}
		}
		marks++
		session.PID = m.pid
		v = p.judgeNames(session, text[:m.at], &m)
		known = known || v.known
	}
	if marks == 0 || marks > 1 && !known {
		return verdict{kind: Suspicious}
	}
	return v
}

// judgeNames tries every cut of "user@database" whose halves are in the catalogue. A login names both again in its
// message, so that only one cut fits; where more than one does, nobody can tell whose entry it is.
func (p *Parser) judgeNames(session *Session, pair string, m *mark) verdict {
	var best verdict
	for at := range len(pair) {
		if pair[at] != '@' {
			continue
		}
		client, known := p.lookUp(pair[:at], pair[at+1:])
		if !known {
			continue
		}
		v := judgeBody(client, session, m)
		switch {
		case v.kind == None, v.kind == Suspicious && best.kind != None:
			best.known = true
		case best.kind == None, best.kind == Suspicious:
			best = v
		default:
			return verdict{kind: Suspicious, known: true}
		}
	}
	return best
}

// lookUp finds both names in the catalogue; a connection for replication may have no database.
func (p *Parser) lookUp(user, database string) (names, bool) {
	role, known := p.roles[user]
	if !known {
		return names{}, false
	}
	if name, known := p.databases[database]; known {
		return names{user: role, database: name}, true
	}
	return names{user: role, replication: true}, database == unknownDatabase
}
