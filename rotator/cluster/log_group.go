package cluster

import "strings"

// Where RDS exports the PostgreSQL log to (RDS User Guide, "Publishing PostgreSQL logs to Amazon CloudWatch Logs"; Aurora User
// Guide, the same): the instances of an Aurora cluster share one group, each RDS instance has its own.
const (
	clusterGroups  = "/aws/rds/cluster/"
	instanceGroups = "/aws/rds/instance/"
	logGroup       = "/postgresql"
)

func clusterGroup(cluster string) string { return clusterGroups + cluster + logGroup }

// InstanceGroup is the log group of an RDS instance, by its identifier.
func InstanceGroup(instance string) string { return instanceGroups + instance + logGroup }

// SharedGroup reports a log group that all instances of a cluster write to.
func SharedGroup(group string) bool { return strings.HasPrefix(group, clusterGroups) }

// InstanceOf tells whose stream it is: the longest identifier that the name starts with, followed by a character that no
// identifier has. Identifiers are letters, digits and hyphens (RDS User Guide, "Naming constraints"); the rest of a stream's
// name is not documented, and .0 where it was seen.
func InstanceOf(stream string) string {
	end := strings.IndexFunc(stream, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
	})
	if end < 0 {
		end = len(stream)
	}
	return strings.ToLower(stream[:end])
}
