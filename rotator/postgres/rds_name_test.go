package postgres_test

import (
	"context"
	"strings"
	"testing"

	"pgrotator/rotator/postgres"
)

func TestNamesOfRDS(t *testing.T) {
	t.Parallel()
	for host, region := range map[string]string{
		"orders.cluster-abc.eu-west-1.rds.amazonaws.com":         "eu-west-1",
		"ORDERS.ABC.US-GOV-WEST-1.RDS.AMAZONAWS.COM.":            "us-gov-west-1",
		"orders.cluster-abc.rds.cn-northwest-1.amazonaws.com.cn": "cn-northwest-1",
		"orders.abc.cn-north-1.rds.amazonaws.com.cn":             "cn-north-1",
		"orders.global-abc.global.rds.amazonaws.com":             "",
	} {
		if !postgres.IsRDS(host) || postgres.RDSRegion(host) != region {
			t.Errorf("%s: of RDS %v, Region %q, expected %q", host, postgres.IsRDS(host), postgres.RDSRegion(host), region)
		}
	}
	for _, host := range []string{
		"db.example.com", "10.0.0.1", "", "rds.amazonaws.com", "orders.eu-west-1.rds.amazonaws.com.example.com",
		"orders.eu-west-1.rds.amazonaws.com.cn.example", "orders.eu-west-1.xrds.amazonaws.com", "orders.abc.rds.eu-west-1.example.com.cn",
	} {
		if postgres.IsRDS(host) || postgres.RDSRegion(host) != "" {
			t.Errorf("%s is taken for RDS's own, in %q", host, postgres.RDSRegion(host))
		}
	}
}

// A proxy keeps logins of its own in China too.
func TestProxyIsRefusedInEveryPartition(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"orders.proxy-abc.eu-west-1.rds.amazonaws.com", "orders.proxy-abc.rds.cn-north-1.amazonaws.com.cn", "ro.endpoint.proxy-abc.us-gov-west-1.rds.amazonaws.com",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nothing is to be connected to
		_, err := postgres.Opener{Roots: postgres.NewRoots("")}.Open(ctx, postgres.Server{Host: host, Port: 5432, Database: "postgres"}, postgres.Login{User: "app", Password: "x"})
		if err == nil || !strings.Contains(err.Error(), "is an RDS Proxy") {
			t.Errorf("%s: %v", host, err)
		}
	}
}
