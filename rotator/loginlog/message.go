package loginlog

import "strings"

const succeeded = "00000"

// cutState takes the SQLSTATE off a message, where log_error_verbosity is verbose.
func cutState(sqlstate, message string) (state, rest string) {
	const length = len(succeeded)
	if len(message) < length+len(": ") || message[length:length+len(": ")] != ": " {
		return sqlstate, message
	}
	for i := range length {
		if c := message[i]; !isDigit(c) && (c < 'A' || c > 'Z') {
			return sqlstate, message
		}
	}
	if sqlstate != "" && sqlstate != message[:length] {
		return sqlstate, message
	}
	return message[:length], message[length+len(": "):]
}

// kindOf judges a message of a client by its severity and text. An ERROR is written inside a session only: before one has
// begun it ends the process, and is a FATAL (elog.c, errstart). So are a STATEMENT, which needs one that runs, a NOTICE and
// an INFO. A LOG or WARNING is a session's unless it is one of those that the code around authentication writes.
func (p *Parser) kindOf(s severity, message string) Kind {
	switch s {
	case severityLog, severityWarning:
		return p.kindOfReport(message)
	case severityFatal:
		if p.texts.find(message, useRefusal, usePacketRefusal) != nil {
			return Refusal
		}
		return Ambiguous
	case severityError, severityStatement, severityNotice, severityInfo:
		return Sign
	case severityDebug, severityPanic:
		return Ambiguous
	default:
		return Detail
	}
}

func (p *Parser) kindOfReport(message string) Kind {
	x := p.texts.find(message, useAttempt, useLockWait)
	switch {
	case x == nil:
		return Sign
	case x.use == useAttempt:
		return Attempt
	case x.use == useLockWait && !namesShared(message):
		return Sign
	}
	return Ambiguous
}

// namesShared reports whether a wait is for an object of no database ("relation 1260 of database 0"): who is not let in yet
// may wait for the catalogue of roles.
func namesShared(message string) bool {
	for at := 0; ; {
		next := strings.IndexByte(message[at:], '0')
		if next < 0 {
			return false
		}
		at += next
		if at > 0 && message[at-1] == ' ' && (at+1 == len(message) || message[at+1] == ' ' || message[at+1] >= 0x80) {
			return true
		}
		at++
	}
}

// maxTail is longer than what follows the names in a login: an application name of 63 bytes, a cipher, a principal.
const maxTail = 4096

// judgeNamed reads the messages that name the client again; named is which of them the message begins as, if any.
func (r *reading) judgeNamed(pair, message string) (v verdict, named string) {
	for _, x := range r.parser.texts.naming(message) {
		text, ok := strings.CutPrefix(message, x.between[0])
		if !ok {
			continue
		}
		named = entryNames[x.use]
		for at := nextAt(pair, 0); at > 0; at = nextAt(pair, at) {
			v := r.judgeClient(x, pair[:at], pair[at+1:], text)
			// Names of the catalogue are the prefix's own, whatever else the message makes of them.
			if v.genuine && (v.both || !r.parser.clientOf(pair).both) {
				return v, named
			}
		}
	}
	return verdict{}, named
}

// judgeClient reads the message for one reading of the names.
func (r *reading) judgeClient(x *text, user, database, message string) verdict {
	v := verdict{client: r.parser.lookUp(user, database), kind: Login, entry: entryNames[x.use]}
	if len(message) > 4*maxName+maxTail {
		return v // A database's newlines have tabs in the message, so that the names may be twice as long.
	}
	r.scanned += len(message)
	switch x.use {
	case useLogin:
		message, v.genuine = r.parser.cutLogin(message, user, database)
		v.genuine = v.genuine && !v.replication
	case useReplicationLogin:
		message, v.genuine = cutName(message, user)
		v.genuine = v.genuine && r.parser.isLoginTail(message)
		v.replication = true
	case useDisconnection:
		v.kind = Disconnection
		if v.replication {
			database = "" // The prefix shows a word for none.
		}
		v.genuine = isDisconnection(x, message, user, database, &r.session)
		message = ""
	}
	v.tail = len(message)
	if !v.known {
		v.kind = otherKind(v.kind, user)
	}
	return v
}

var entryNames = [...]string{
	useLogin: "login", useReplicationLogin: "login for replication", useDisconnection: "disconnection",
}

// otherKind is what a genuine entry of a user whom the catalogue lacks shows.
func otherKind(kind Kind, user string) Kind {
	switch {
	case isMasked(user):
		return Unread
	case kind == Login:
		return OtherLogin
	}
	return Bystander
}

// cutLogin takes "user database=database", or Babelfish's user alone, off the message, and reports whether it ends as a
// login does.
func (p *Parser) cutLogin(message, user, database string) (tail string, ok bool) {
	message, ok = cutName(message, user)
	if !ok {
		return "", false
	}
	if isBabelfishTail(message) {
		return message, true
	}
	for _, piece := range p.texts.databases {
		tail, ok = strings.CutPrefix(message, piece[0])
		if !ok {
			continue
		}
		if tail, ok = cutName(tail, database); ok && p.isLoginTail(tail) {
			return tail, true
		}
	}
	return "", false
}

// cutName takes a name off the text of a message, where PostgreSQL writes a tab after each newline. CloudWatch may have
// masked it there and not in the prefix.
func cutName(text, name string) (rest string, ok bool) {
	if masked := maskLen(text); masked > 0 && !strings.HasPrefix(text, name) {
		return text[masked:], true
	}
	for {
		line, more, found := strings.Cut(name, "\n")
		if text, ok = strings.CutPrefix(text, line); !ok || !found {
			return text, ok
		}
		if text, ok = strings.CutPrefix(text, "\n\t"); !ok {
			return "", false
		}
		name = more
	}
}

// isBabelfishTail accepts ", application=…, Tds Version=0x74000004." of a login by TDS, which names no database. The
// application's name is the client's, in any script.
func isBabelfishTail(text string) bool {
	text, ok := strings.CutPrefix(text, ", application=")
	if !ok || strings.Contains(text, "\n") {
		return false
	}
	at := strings.LastIndex(text, ", Tds Version=0x")
	if at < 0 {
		return false
	}
	version := strings.TrimSuffix(text[at+len(", Tds Version=0x"):], ".")
	for i := range len(version) {
		if c := version[i] | 0x20; !isDigit(version[i]) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return version != ""
}

// isLoginTail accepts "[ application_name=…][ SSL enabled (…)][ GSS (…)]" (postinit.c, PerformAuthentication), in the
// languages of the server. PostgreSQL makes the application name printable ASCII; it may hold the text of the other parts.
func (p *Parser) isLoginTail(text string) bool {
	if text == "" {
		return true
	}
	if strings.Contains(text, "\n") {
		return false
	}
	if rest, ok := cutLast(text, p.texts.tls, false); ok && rest == "" || p.isApplication(text) {
		return true
	}
	if rest, ok := cutLast(text, p.texts.gss, true); ok {
		text = rest // A Kerberos principal need not be ASCII.
	}
	if rest, ok := cutLast(text, p.texts.tls, false); ok {
		text = rest
	}
	return text == "" || p.isApplication(text)
}

func (p *Parser) isApplication(text string) bool {
	for _, piece := range p.texts.applications {
		if name, ok := strings.CutPrefix(text, piece[0]); ok && isPrintable(name) {
			return true
		}
	}
	return false
}

// cutLast takes a part in brackets off the text's end; only a nested one may hold a closing bracket.
func cutLast(text string, pieces [][2]string, nested bool) (rest string, ok bool) {
	for _, piece := range pieces {
		inside, ends := strings.CutSuffix(text, piece[1])
		if !ends {
			continue
		}
		at := 0
		if !strings.HasPrefix(inside, piece[0]) || nested {
			at = strings.LastIndex(inside, piece[0])
		}
		if at >= 0 && (nested || !strings.Contains(inside[at+len(piece[0]):], ")")) {
			return text[:at], true
		}
	}
	return text, false
}

// isDisconnection accepts "0:00:00.030 user=… database=… host=…[ port=…]" of the client itself (postgres.c,
// log_disconnections).
func isDisconnection(x *text, message, user, database string, session *Session) bool {
	const duration = 4 // hours, minutes, seconds, milliseconds
	message, ok := cutDuration(message)
	for i, name := range [...]string{user, database} {
		if ok {
			message, ok = strings.CutPrefix(message, x.between[duration+i])
		}
		if ok {
			message, ok = cutName(message, name)
		}
	}
	if ok {
		message, ok = strings.CutPrefix(message, x.between[duration+2])
	}
	return ok && isHost(message, session)
}

// isHost accepts "host[ port=port]" of the session, masked in the prefix or here.
func isHost(message string, session *Session) bool {
	if isMasked(session.Host) {
		return isPrintable(message) && !strings.Contains(message, ":[")
	}
	message, ok := cutName(message, session.Host)
	if !ok || session.Port == 0 {
		return ok && message == ""
	}
	if message, ok = strings.CutPrefix(message, " port="); !ok {
		return false
	}
	port, rest, ok := cutNumber(message)
	return ok && rest == "" && port == session.Port
}

// cutDuration takes hours, minutes, seconds and milliseconds ("200:04:05.006") off the text.
func cutDuration(text string) (rest string, ok bool) {
	const shape = ":00:00.000"
	hours := leadingDigits(text)
	end := hours + len(shape)
	if hours == 0 || len(text) < end || !matchesDigits(text[hours:end], shape) {
		return "", false
	}
	return text[end:], true
}
