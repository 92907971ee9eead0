package loginlog

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// messages.txt holds the messages and words that this package knows, as PostgreSQL 14 to 18 writes them, and their
// translations in the message catalogues of 15 and 18. A line is a use and the English text; a line that starts with a tab
// is a language and the translation of the text above it. Left out are translations for attempts that begin and end with
// what changes (28, of LDAP, RADIUS and ident, in Japanese, Korean, Turkish and Georgian).
//
//go:embed messages.txt
var messagesFile string

// use says what a text is known for.
type use uint8

const (
	useLogin use = iota
	useReplicationLogin
	useDisconnection
	useAttempt
	useAmbiguous
	useLockWait
	useRefusal
	usePacketRefusal
	useReload
	useChanged
	useReset
	useStarting
	useReady
	usePromoted
	useShutDown
	useNotShutDown
	useCrashed
	useCount
)

var uses = map[string]use{
	"login": useLogin, "replication-login": useReplicationLogin, "disconnection": useDisconnection,
	"attempt": useAttempt, "ambiguous": useAmbiguous, "lock-wait": useLockWait, "refusal": useRefusal, "packet-refusal": usePacketRefusal,
	"reload": useReload, "changed": useChanged, "reset": useReset, "starting": useStarting, "ready": useReady,
	"promoted": usePromoted, "shut-down": useShutDown, "not-shut-down": useNotShutDown, "crashed": useCrashed,
}

// keyLen is how much of a message's beginning, or of its end where that changes, finds the texts that it may be.
const keyLen = 3

type key [keyLen]byte

// texts are the known messages, found by how they begin.
type texts struct {
	byBeginning, byEnd map[key][]*text
	// loose are those that begin and end with what changes.
	loose [useCount][]*text
	// byNaming are those that name the client. Nearly all are logins in English, which need no look into the map.
	byNaming map[key][]*text
	loginKey key
	logins   []*text

	severities map[string]severity
	// unknowns are what the prefix shows in place of a name that is missing.
	unknowns map[string]bool
	// What a login says after its user: each piece is what stands before and after a value.
	databases, applications, tls, gss [][2]string
}

var knownTexts = sync.OnceValue(func() *texts {
	t := &texts{byBeginning: map[key][]*text{}, byEnd: map[key][]*text{}, byNaming: map[key][]*text{},
		severities: map[string]severity{}, unknowns: map[string]bool{}}
	var kind string
	for line := range strings.Lines(messagesFile) {
		line = strings.TrimSuffix(line, "\n")
		name, message, _ := strings.Cut(line, "\t")
		if name == "" {
			_, message, _ = strings.Cut(message, "\t")
		} else {
			kind = name
		}
		// The log writes a tab after each newline of a message.
		t.add(kind, strings.ReplaceAll(message, `\n`, "\n\t"))
	}
	t.loginKey = firstKey("connection authorized")
	t.logins = t.byNaming[t.loginKey]
	return t
})

func (t *texts) add(kind, message string) {
	if name, ok := strings.CutPrefix(kind, "severity-"); ok {
		word, _, _ := strings.Cut(message, ":")
		word = strings.TrimRight(word, " ")
		if _, known := t.severities[word]; !known {
			t.severities[word] = severityNamed(name)
		}
		return
	}
	parts := parseText(message)
	switch kind {
	case "unknown":
		t.unknowns[message] = true
	case "database":
		t.databases = parts.appendPiece(t.databases)
	case "application":
		t.applications = parts.appendPiece(t.applications)
	case "tls":
		t.tls = parts.appendPiece(t.tls)
	case "gss":
		t.gss = parts.appendPiece(t.gss)
	default:
		parts.use = uses[kind]
		t.index(parts)
		if first, _, cut := strings.Cut(message, "\n"); cut && parts.use > useDisconnection { // as a publisher leaves it that cuts at newlines
			line := parseText(first)
			line.use = parts.use
			t.index(line)
		}
	}
}

// appendPiece adds the text's two ends, unless they are there.
func (x *text) appendPiece(pieces [][2]string) [][2]string {
	piece := [2]string{x.between[0], x.between[len(x.between)-1]}
	if slices.Contains(pieces, piece) {
		return pieces
	}
	return append(pieces, piece)
}

func (t *texts) index(x *text) {
	begin := x.between[0]
	if x.use <= useDisconnection {
		t.byNaming[firstKey(begin)] = append(t.byNaming[firstKey(begin)], x)
		return
	}
	if len(begin) >= keyLen {
		t.byBeginning[firstKey(begin)] = append(t.byBeginning[firstKey(begin)], x)
		return
	}
	end := x.between[len(x.between)-1]
	if len(end) < keyLen {
		t.loose[x.use] = append(t.loose[x.use], x)
		return
	}
	t.byEnd[lastKey(end)] = append(t.byEnd[lastKey(end)], x)
}

func firstKey(s string) key { return key{s[0], s[1], s[2]} }

func lastKey(s string) key { return firstKey(s[len(s)-keyLen:]) }

// find returns a text of one of the uses from first to last that the message is.
func (t *texts) find(message string, first, last use) *text {
	if len(message) < keyLen {
		return nil
	}
	if x := findAmong(t.byBeginning[firstKey(message)], message, first, last); x != nil {
		return x
	}
	if x := findAmong(t.byEnd[lastKey(message)], message, first, last); x != nil {
		return x
	}
	for u := first; u <= last; u++ {
		if x := findAmong(t.loose[u], message, u, u); x != nil {
			return x
		}
	}
	return nil
}

func findAmong(list []*text, message string, first, last use) *text {
	for _, x := range list {
		if first <= x.use && x.use <= last && x.matches(message) {
			return x
		}
	}
	return nil
}

// naming returns the texts of a login or a disconnection that the message may be.
func (t *texts) naming(message string) []*text {
	if len(message) < keyLen {
		return nil
	}
	if k := firstKey(message); k != t.loginKey {
		return t.byNaming[k]
	}
	return t.logins
}

// text is one message: what stands still of it, around the values that change.
type text struct {
	use     use
	between []string
	// order is the position of each value among the English text's.
	order []int
}

// parseText cuts a format of C's printf (with positions, "%2$s") at its values.
func parseText(format string) *text {
	x := &text{}
	for {
		before, after, found := strings.Cut(format, "%")
		x.between = append(x.between, before)
		if !found {
			return x
		}
		position := len(x.order)
		if digits := leadingDigits(after); strings.HasPrefix(after[digits:], "$") {
			position, _, _ = cutNumber(after)
			position--
			after = after[digits+1:]
		}
		x.order = append(x.order, position)
		end := strings.IndexAny(after, "sdumfxc")
		format = after[end+1:]
	}
}

// matches reports whether the message is this text, with whatever values.
func (x *text) matches(message string) bool {
	last := len(x.between) - 1
	if last == 0 {
		return message == x.between[0]
	}
	message, begins := strings.CutPrefix(message, x.between[0])
	message, ends := strings.CutSuffix(message, x.between[last])
	if !begins || !ends {
		return false
	}
	for _, part := range x.between[1:last] {
		at := strings.Index(message, part)
		if at < 0 {
			return false
		}
		message = message[at+len(part):]
	}
	return true
}

// values returns what the message has in the places of a text that has one or two values, in the English order.
func (x *text) values(message string) (first, second string) {
	message = strings.TrimPrefix(message, x.between[0])
	message = strings.TrimSuffix(message, x.between[len(x.between)-1])
	if len(x.order) < 2 {
		return message, ""
	}
	first, second, _ = strings.Cut(message, x.between[1])
	if x.order[0] > x.order[1] {
		return second, first
	}
	return first, second
}
