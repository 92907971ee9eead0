package first

import "strings"

const succeeded = "00000"

// judgeBody judges what follows a mark, for the client that the names before it make. Under the second prefix the
// application name may itself read as a severity and a message; it is the client's own.
func judgeBody(client names, session *Session, m *mark) verdict {
	doubt := verdict{known: true}
	body, ok := m.severed, true
	for ok {
		v := judgeMessage(client, session, m.sqlstate, body.severity, body.message)
		if v.kind != None && v.kind != Suspicious {
			return v
		}
		if v.kind == Suspicious {
			doubt = v
		}
		if m.sqlstate == "" {
			break
		}
		body, ok = nextSeverity(m.body, body.start+1)
	}
	return doubt
}

func judgeMessage(client names, session *Session, sqlstate, severity, message string) verdict {
	v := verdict{names: client, known: true, tail: len(message)}
	switch {
	case severity == "LOG" && (sqlstate == "" || sqlstate == succeeded):
		v.judgeLog(session, message)
	case severity == "FATAL" && sqlstate != succeeded && isRefusal(message):
		v.kind = Refusal
	case severity == "FATAL" && sqlstate != succeeded:
		v.kind = Fatal
	}
	return v
}

// judgeLog reads the three messages that name the client again. One that names another, or does not end as PostgreSQL
// ends it, was written by RAISE LOG.
func (v *verdict) judgeLog(session *Session, message string) {
	var genuine bool
	kind := Login
	if text, ok := strings.CutPrefix(message, "connection authorized: user="); ok {
		text, ok = cutNames(text, v.names)
		v.tail, genuine = len(text), ok && !v.replication && isLoginTail(text)
	} else if text, ok := strings.CutPrefix(message, "replication connection authorized: user="); ok {
		text, ok = cutName(text, v.user)
		v.replication = true
		v.tail, genuine = len(text), ok && isLoginTail(text)
	} else if text, ok := strings.CutPrefix(message, "disconnection: session time: "); ok {
		kind = Disconnection
		v.tail, genuine = 0, isDisconnection(text, v.names, session)
	} else {
		return
	}
	v.kind = Suspicious
	if genuine {
		v.kind = kind
	}
}

// cutNames takes "user database=database" off the text.
func cutNames(text string, client names) (rest string, ok bool) {
	if text, ok = cutName(text, client.user); !ok {
		return "", false
	}
	if text, ok = strings.CutPrefix(text, " database="); !ok {
		return "", false
	}
	return cutName(text, client.database)
}

// cutName takes a name off the text of a message, where PostgreSQL writes a tab after each newline.
func cutName(text, name string) (rest string, ok bool) {
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

// isLoginTail accepts "[ application_name=…][ SSL enabled (…)][ GSS (…)]" (postinit.c, PerformAuthentication).
// PostgreSQL makes the application name printable ASCII; it may hold the text of the other parts.
func isLoginTail(text string) bool {
	if isNameAndTLS(text) {
		return true
	}
	// A Kerberos principal need not be ASCII.
	at := strings.LastIndex(text, " GSS (")
	return at >= 0 && strings.HasSuffix(text, ")") && !strings.Contains(text[at:], "\n") && isNameAndTLS(text[:at])
}

func isNameAndTLS(text string) bool {
	if text == "" {
		return true
	}
	if name, ok := strings.CutPrefix(text, " application_name="); ok {
		return isPrintable(name)
	}
	inside, opened := strings.CutPrefix(text, " SSL enabled (")
	inside, closed := strings.CutSuffix(inside, ")")
	return opened && closed && strings.IndexByte(inside, ')') < 0 && isPrintable(inside)
}

// isDisconnection accepts "0:00:00.030 user=… database=… host=…[ port=…]" of the client itself (postgres.c,
// log_disconnections).
func isDisconnection(text string, client names, session *Session) bool {
	text, ok := cutDuration(text)
	if !ok {
		return false
	}
	if text, ok = strings.CutPrefix(text, " user="); !ok {
		return false
	}
	if text, ok = cutNames(text, client); !ok {
		return false
	}
	if text, ok = strings.CutPrefix(text, " host="); !ok {
		return false
	}
	if text, ok = strings.CutPrefix(text, session.Host); !ok {
		return false
	}
	if session.Port == 0 {
		return text == ""
	}
	if text, ok = strings.CutPrefix(text, " port="); !ok {
		return false
	}
	port, rest, ok := cutNumber(text)
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
