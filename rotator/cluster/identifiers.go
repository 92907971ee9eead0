package cluster

import (
	"slices"
	"strings"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/secret"
)

// Identifiers are those that a database may have.
type Identifiers struct {
	Clusters  []string
	Instances []string
}

// IdentifiersIn takes them from the secret's keys and the first label of an RDS endpoint.
func IdentifiersIn(v secret.Value) Identifiers {
	var ids Identifiers
	label := firstLabel(v.Host)
	for _, id := range []string{v.ClusterIdentifier, label} {
		if id != "" {
			ids.Clusters = append(ids.Clusters, strings.ToLower(id))
		}
	}
	for _, id := range []string{v.InstanceIdentifier, label} {
		if id != "" {
			ids.Instances = append(ids.Instances, strings.ToLower(id))
		}
	}
	return ids
}

// And adds others.
func (i Identifiers) And(other Identifiers) Identifiers {
	return Identifiers{Clusters: distinct(i.Clusters, other.Clusters), Instances: distinct(i.Instances, other.Instances)}
}

func distinct(lists ...[]string) []string {
	var all []string
	for _, id := range slices.Concat(lists...) {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// None reports that nothing tells which database of RDS is meant.
func (i Identifiers) None() bool {
	return len(i.Clusters)+len(i.Instances) == 0
}

// firstLabel is the identifier with which a host name of RDS's own begins, "" for other hosts.
func firstLabel(host string) string {
	if !postgres.IsRDS(host) {
		return ""
	}
	label, _, _ := strings.Cut(host, ".")
	return label
}
