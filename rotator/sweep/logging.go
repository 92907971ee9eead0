package sweep

import (
	"fmt"
	"slices"

	"pgrotator/rotator/role"
)

// linePrefixes are the two values of log_line_prefix that Amazon RDS allows.
func linePrefixes() []string {
	return []string{"%t:%r:%u@%d:[%p]:", "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a"}
}

// loggingFault says which setting keeps the log from showing logins, and what it should be; "" = none does.
func loggingFault(l role.Logging) string {
	switch {
	case !role.LogsLogins(l.Connections):
		return fmt.Sprintf("log_connections is %q: set it to on (from PostgreSQL 18 on a list with authorization will do)", l.Connections)
	case !slices.Contains(linePrefixes(), l.LinePrefix):
		return fmt.Sprintf("log_line_prefix is %q: set it to %s", l.LinePrefix, linePrefixes()[0])
	case l.MinMessages == "fatal" || l.MinMessages == "panic":
		return fmt.Sprintf("log_min_messages is %s: set it to warning", l.MinMessages)
	}
	return ""
}
