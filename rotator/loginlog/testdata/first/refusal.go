package first

import "strings"

// isRefusal knows the FATAL messages that turn an attempt away after "connection authorized" (PostgreSQL 14 to 18:
// miscinit.c, postinit.c, guc.c, walsender.c). A message that it does not know leaves the login standing.
func isRefusal(message string) bool {
	return refusesRole(message) || refusesConnection(message) || refusesParameter(message)
}

func refusesRole(message string) bool {
	return strings.HasPrefix(message, `role "`) && strings.HasSuffix(message, `" is not permitted to log in`) ||
		strings.HasPrefix(message, "permission denied ") ||
		// Up to 15; later ones say "permission denied to start WAL sender".
		message == "must be superuser or replication role to start walsender"
}

func refusesConnection(message string) bool {
	return strings.HasPrefix(message, "too many connections for ") ||
		strings.HasPrefix(message, "remaining connection slots are reserved for ") ||
		strings.HasSuffix(message, " does not exist") ||
		strings.HasPrefix(message, `database "`) && strings.HasSuffix(message, `" is not currently accepting connections`) ||
		// What an interrupted DROP DATABASE leaves.
		strings.HasPrefix(message, `cannot connect to invalid database "`)
}

// refusesParameter knows the complaints about a setting of the startup packet.
func refusesParameter(message string) bool {
	return strings.HasPrefix(message, "unrecognized configuration parameter ") ||
		strings.HasPrefix(message, "invalid configuration parameter name ") ||
		strings.HasPrefix(message, "invalid value for parameter ") ||
		strings.HasPrefix(message, "invalid command-line argument for server process: ") ||
		strings.HasPrefix(message, `parameter "`) ||
		strings.Contains(message, ` is outside the valid range for parameter "`)
}
