package rds

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// modifyCluster changes which logs a cluster exports and whether it takes IAM tokens, the only changes that are known here.
func (d *Databases) modifyCluster(r protocol.Request) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	named := r.Form.Get("DBClusterIdentifier")
	cluster, found := d.clusters[identifierOf(named)]
	if !found {
		return nil, &protocol.Error{Code: "DBClusterNotFoundFault", Status: 404, Message: "DBCluster " + named + " not found."}
	}
	cluster.EnabledCloudwatchLogsExports = exports(r, cluster.EnabledCloudwatchLogsExports)
	if r.Form.Get("EnableIAMDatabaseAuthentication") == "true" {
		cluster.IAMDatabaseAuthenticationEnabled = aws.Bool(true)
	}
	d.clusters[identifierOf(named)] = cluster
	return struct{ DBCluster types.DBCluster }{cluster}, nil
}

// modifyInstance does the same for an instance.
func (d *Databases) modifyInstance(r protocol.Request) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	named := r.Form.Get("DBInstanceIdentifier")
	instance, found := d.instances[identifierOf(named)]
	if !found {
		return nil, &protocol.Error{Code: "DBInstanceNotFound", Status: 404, Message: "DBInstance " + named + " not found."}
	}
	instance.EnabledCloudwatchLogsExports = exports(r, instance.EnabledCloudwatchLogsExports)
	if r.Form.Get("EnableIAMDatabaseAuthentication") == "true" {
		instance.IAMDatabaseAuthenticationEnabled = aws.Bool(true)
	}
	d.instances[identifierOf(named)] = instance
	return struct{ DBInstance types.DBInstance }{instance}, nil
}

func enabling(n int) string {
	return "CloudwatchLogsExportConfiguration.EnableLogTypes.member." + strconv.Itoa(n)
}

// exports adds the logs that a request enables to those that are exported.
func exports(r protocol.Request, before []string) []string {
	after := slices.Clone(before)
	for n := 1; r.Form.Has(enabling(n)); n++ {
		if kind := r.Form.Get(enabling(n)); !slices.Contains(after, kind) {
			after = append(after, kind)
		}
	}
	return after
}
