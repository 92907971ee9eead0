package sweep

import (
	"strings"

	"pgrotator/rotator/loginlog"
)

// maxFormer bounds the names of databases kept. Only who has logged in can add one.
const maxFormer = 1000

// formerDatabases judges logins to databases that are gone: dropped or renamed since, or made for a single job. Their names are
// in the logins themselves. An attempt at a database that never was looks the same until its refusal follows, so refusals are
// judged with the same names.
type formerDatabases struct {
	roles  map[string]bool
	users  []string
	names  []string
	known  map[[2]string]bool
	parser *loginlog.Parser
}

func newFormerDatabases(roles []string) *formerDatabases {
	f := &formerDatabases{roles: make(map[string]bool, len(roles)), known: map[[2]string]bool{}}
	for _, r := range roles {
		f.roles[r] = true
	}
	return f
}

const authorized = "connection authorized: user="

// parse judges an event that means nothing with the databases of today.
func (f *formerDatabases) parse(message string) (loginlog.Event, loginlog.Kind) {
	if at := strings.Index(message, authorized); at >= 0 {
		if user, database, ok := f.namesIn(message[:at], message[at+len(authorized):]); ok {
			return f.with(user, database).Parse(message)
		}
	}
	if f.parser == nil || !strings.Contains(message, "FATAL:  ") && !strings.Contains(message, "disconnection: ") {
		return loginlog.Event{}, loginlog.Bystander
	}
	return f.parser.Parse(message)
}

// namesIn finds a known role and the database that both the prefix and the text of a login name.
func (f *formerDatabases) namesIn(prefix, text string) (user, database string, ok bool) {
	for at := 0; ; at++ {
		next := strings.Index(text[at:], " database=")
		if next < 0 {
			return "", "", false
		}
		at += next
		if user = text[:at]; !f.roles[user] {
			continue
		}
		rest := text[at+len(" database="):]
		for _, end := range []string{"", " application_name=", " SSL enabled (", " GSS ("} {
			database = strings.TrimSuffix(rest, "\n")
			if end != "" {
				database, _, _ = strings.Cut(rest, end)
			}
			if strings.Contains(prefix, ":"+user+"@"+database+":[") {
				return user, database, true
			}
		}
	}
}

// with is a parser that knows a user and a former database, and, as long as there are not too many, those before.
func (f *formerDatabases) with(user, database string) *loginlog.Parser {
	key := [2]string{strings.Clone(user), strings.Clone(database)}
	switch {
	case f.known[key]:
	case len(f.known) == maxFormer:
		return loginlog.New([]string{user}, []string{database})
	default:
		f.known[key] = true
		f.users, f.names = append(f.users, key[0]), append(f.names, key[1])
		f.parser = loginlog.New(f.users, f.names)
	}
	return f.parser
}
