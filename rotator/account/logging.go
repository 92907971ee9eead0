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
}

// LoggingSettings are all of them. log_error_verbosity is not among them: the log is read in each of its three forms.
var LoggingSettings = []LoggingSetting{
	{"log_connections", "on (from PostgreSQL 18 on a list with authorization will do)", func(l Logging) string { return l.Connections }, logsLogins},
	{"log_min_messages", "warning", func(l Logging) string { return l.MinMessages }, func(m string) bool { return m != "fatal" && m != "panic" }},
	{"log_line_prefix", "'" + prefixes[0] + "', or '" + prefixes[1] + "'", func(l Logging) string { return l.LinePrefix }, func(p string) bool { return slices.Contains(prefixes[:], p) }},
	{"log_destination", "stderr", func(l Logging) string { return l.Destination }, logsToStderr},
	{"lc_messages", "C, or a locale of English", func(l Logging) string { return l.Messages }, inEnglish},
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

// ShowsLogins reports whether a setting, with a value, leaves logins in the log; decides is false for a setting on which that does not
// depend.
func ShowsLogins(setting, value string) (shows, decides bool) {
	at := slices.IndexFunc(LoggingSettings, func(s LoggingSetting) bool { return s.Name == setting })
	if at < 0 {
		return true, false
	}
	return LoggingSettings[at].shows(value), true
}

// logsLogins reads log_connections. From PostgreSQL 18 on it is a list of aspects, of which "authorization" is the one that counts.
func logsLogins(setting string) bool {
	for aspect := range strings.SplitSeq(strings.ToLower(setting), ",") {
		switch strings.TrimSpace(aspect) {
		case "on", "true", "yes", "1", "all", "authorization":
			return true
		}
	}
	return false
}

// logsToStderr reads log_destination: the lines that are exported are those of stderr.
func logsToStderr(setting string) bool {
	for destination := range strings.SplitSeq(strings.ToLower(setting), ",") {
		if strings.TrimSpace(destination) == "stderr" {
			return true
		}
	}
	return false
}

// inEnglish reads lc_messages. PostgreSQL's own messages are English; "" is the locale of the server's environment, which RDS leaves at C.
func inEnglish(setting string) bool {
	language := strings.ToLower(setting)
	return language == "" || language == "posix" || language == "c" || strings.HasPrefix(language, "c.") ||
		strings.HasPrefix(language, "en_") || strings.HasPrefix(language, "en-") || language == "en" || strings.HasPrefix(language, "english")
}
