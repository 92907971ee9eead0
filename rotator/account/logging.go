package account

import (
	"fmt"
	"strings"
)

// Logging is an instance's settings on which it depends whether its log shows logins. log_line_prefix is not among them: RDS allows
// two values, and the log of either is read.
type Logging struct {
	Connections string // log_connections: on or off; from PostgreSQL 18 on also a list
	MinMessages string // log_min_messages
}

// LoggingSetting is one of those settings.
type LoggingSetting struct {
	Name  string
	Good  string // what it should be, in words
	value func(Logging) string
	shows func(value string) bool // logins, with this value
}

// LoggingSettings are all of them.
var LoggingSettings = []LoggingSetting{
	{"log_connections", "on (from PostgreSQL 18 on a list with authorization will do)", func(l Logging) string { return l.Connections }, logsLogins},
	{"log_min_messages", "warning", func(l Logging) string { return l.MinMessages }, func(m string) bool { return m != "fatal" && m != "panic" }},
}

// LoggingFault is a setting that keeps logins out of an instance's log.
type LoggingFault struct {
	Setting string
	Value   string // quoted
	Good    string // what it should be, in words
}

// Faults lists the settings that keep logins out of the log.
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
