package sweep

import (
	"fmt"

	"pgrotator/rotator/role"
)

// loggingFault says which setting keeps the log from showing logins, and what it should be; "" = none does. log_line_prefix is not
// among them: RDS allows two values, and the log of either is read.
func loggingFault(l role.Logging) string {
	switch {
	case !role.LogsLogins(l.Connections):
		return fmt.Sprintf("log_connections is %q: set it to on (from PostgreSQL 18 on a list with authorization will do)", l.Connections)
	case l.MinMessages == "fatal" || l.MinMessages == "panic":
		return fmt.Sprintf("log_min_messages is %s: set it to warning", l.MinMessages)
	}
	return ""
}
