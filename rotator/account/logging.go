package account

import (
	"fmt"
	"slices"
	"strings"
)

// Logging is an instance's settings on which it depends whether its log shows logins.
type Logging struct {
	Connections string // log_connections: on or off; from PostgreSQL 18 on also a list
	MinMessages string // log_min_messages
	LinePrefix  string // log_line_prefix
	Destination string // log_destination: a list
	Messages    string // lc_messages
}

// LoggingSetting is one of those settings.
type LoggingSetting struct {
	Name  string
	Good  string // what it should be, in words
	value func(Logging) string
	shows func(value string) bool // logins, with this value
	reset string                  // PostgreSQL's own default
	words bool                    // it is about the words of an entry alone, and logins are read in other languages too
}

// LoggingSettings are all of them. log_error_verbosity is not among them: the log is read in each of its three forms.
var LoggingSettings = []LoggingSetting{
	{"log_connections", "on (from PostgreSQL 18 on a list with authorization will do)", func(l Logging) string { return l.Connections }, logsLogins, "off", false},
	{"log_min_messages", "warning", func(l Logging) string { return l.MinMessages }, logsLog, "warning", false},
	{"log_line_prefix", "'" + prefixes[0] + "', or '" + prefixes[1] + "'", func(l Logging) string { return l.LinePrefix }, func(p string) bool { return slices.Contains(prefixes[:], p) }, "%m [%p] ", false},
	{"log_destination", "stderr", func(l Logging) string { return l.Destination }, logsToStderr, "stderr", false},
	{"lc_messages", "C, or a locale of English", func(l Logging) string { return l.Messages }, inEnglish, "", true},
}

// prefixes are the values of log_line_prefix that Amazon RDS allows.
var prefixes = [2]string{"%t:%r:%u@%d:[%p]:", "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a"}

// LoggingFault is a setting that keeps logins out of an instance's log.
type LoggingFault struct {
	Setting string
	Value   string // quoted
	Good    string // what it should be, in words
}

// Faults lists the settings that keep logins out of the log, or in a form that is not read.
func (l Logging) Faults() []LoggingFault {
	var faults []LoggingFault
	for _, s := range LoggingSettings {
		if value := s.value(l); !s.shows(value) {
			faults = append(faults, LoggingFault{Setting: s.Name, Value: fmt.Sprintf("%q", value), Good: s.Good})
		}
	}
	return faults
}

// Fault is the faults in words, with what to do; "" = there is none.
func (l Logging) Fault() string {
	var told []string
	for _, f := range l.Faults() {
		told = append(told, f.Setting+" is "+f.Value+": set it to "+f.Good)
	}
	return strings.Join(told, "; ")
}

// HidingSetting finds the setting of a name, in upper case or lower as a configuration file may have it, if with a bad value it keeps
// logins out of the log. lc_messages does not: entries are read in every language that PostgreSQL has.
func HidingSetting(name string) (s LoggingSetting, found bool) {
	at := slices.IndexFunc(LoggingSettings, func(s LoggingSetting) bool { return strings.EqualFold(s.Name, name) && !s.words })
	if at < 0 {
		return LoggingSetting{}, false
	}
	return LoggingSettings[at], true
}

// HidingSettingIn finds the first of those settings that a text speaks of.
func HidingSettingIn(text string) (s LoggingSetting, found bool) {
	if !strings.Contains(text, "log_") {
		return LoggingSetting{}, false
	}
	for _, s := range LoggingSettings {
		if !s.words && strings.Contains(text, s.Name) {
			return s, true
		}
	}
	return LoggingSetting{}, false
}

// ShowsLogins reports whether the log shows logins where the setting has a value, written as a configuration file may have it.
func (s LoggingSetting) ShowsLogins(value string) bool { return s.shows(value) }

// ShowsLoginsWhenReset reports the same of PostgreSQL's own default. Where that hides logins Amazon RDS may have put another in its place.
func (s LoggingSetting) ShowsLoginsWhenReset() bool { return s.shows(s.reset) }

// logsLogins reads log_connections. From PostgreSQL 18 on it is a list of aspects, of which "authorization" is the one that counts.
func logsLogins(setting string) bool {
	aspects := elements(setting)
	return slices.Contains(aspects, "all") || slices.Contains(aspects, "authorization") || len(aspects) == 1 && isTrue(aspects[0])
}

// isTrue reads a Boolean as PostgreSQL does, which takes the beginnings of the words too (parse_bool_with_len).
func isTrue(value string) bool {
	return value != "" && (strings.HasPrefix("true", value) || strings.HasPrefix("yes", value)) || value == "on" || value == "1"
}

// logsLog reads log_min_messages.
func logsLog(setting string) bool {
	return !strings.EqualFold(setting, "fatal") && !strings.EqualFold(setting, "panic")
}

// logsToStderr reads log_destination: the lines that are exported are those of stderr.
func logsToStderr(setting string) bool { return slices.Contains(elements(setting), "stderr") }

// elements reads a list of names, which may be in quotes (SplitIdentifierString).
func elements(list string) []string {
	names := strings.Split(strings.ToLower(list), ",")
	for n, name := range names {
		names[n] = strings.Trim(strings.TrimSpace(name), `"`)
	}
	return names
}

// inEnglish reads lc_messages. PostgreSQL's own messages are English; "" is the locale of the server's environment, which RDS leaves at C.
func inEnglish(setting string) bool {
	language := strings.ToLower(setting)
	return language == "" || language == "posix" || language == "c" || strings.HasPrefix(language, "c.") ||
		strings.HasPrefix(language, "en_") || strings.HasPrefix(language, "en-") || language == "en" || strings.HasPrefix(language, "english")
}
