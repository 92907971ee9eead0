package postgres

import (
	"regexp"
	"strings"
)

// rdsName is a name of RDS's own: NAME.ID.REGION.rds.amazonaws.com; in China NAME.ID.rds.REGION.amazonaws.com.cn, formerly
// NAME.ID.REGION.rds.amazonaws.com.cn (AWS's JDBC driver has both, RdsUtils).
var rdsName = regexp.MustCompile(`(?i)\.(?:([a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?|rds\.([a-z0-9-]+)\.amazonaws\.com\.cn)\.?$`)

// IsRDS reports a host name of RDS's own: an endpoint of a cluster, an instance or a proxy.
func IsRDS(host string) bool { return rdsName.MatchString(host) }

// RDSRegion is the AWS Region in a host name of RDS's own, "" for other hosts and for the writer endpoint of a global database.
func RDSRegion(host string) string {
	found := rdsName.FindStringSubmatch(host)
	if found == nil {
		return ""
	}
	region := strings.ToLower(found[1] + found[2])
	if region == "global" {
		return ""
	}
	return region
}
