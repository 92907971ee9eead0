package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/secret"
)

// The hosts are not there: what is told about their Region is told before anything connects.
func TestRootsOfTheRegionAreToldBeforehand(t *testing.T) {
	t.Parallel()
	for host, expected := range map[string]Result{
		"orders.cluster-abc.eu-west-1.rds.amazonaws.com":     {Name: "roots", OK: true, Detail: "in eu-west-1 is known"},
		"ORDERS.ABC.US-EAST-1.RDS.AMAZONAWS.COM":             {Name: "roots", OK: true, Detail: "in us-east-1 is known"},
		"orders.abc.xx-nowhere-9.rds.amazonaws.com":          {Name: "roots", OK: true, Detail: `"xx-nowhere-9" is not known`, Fix: "truststore.pki.rds.amazonaws.com"},
		"orders.abc.us-gov-east-1.rds.amazonaws.com":         {Name: "roots", OK: true, Detail: `"us-gov-east-1" is not known`, Fix: "truststore.pki.us-gov-west-1"},
		"orders.cluster-abc.rds.cn-north-1.amazonaws.com.cn": {Name: "roots", OK: true, Detail: `"cn-north-1" is not known`, Fix: "amazonaws.com.cn/"},
		"orders.cluster-abc.cn-north-1.rds.amazonaws.com.cn": {Name: "roots", OK: true, Detail: `"cn-north-1" is not known`, Fix: "amazonaws.com.cn/"},
		"db.example.com": {},
		"orders.eu-west-1.rds.amazonaws.com.attacker.example":  {},
		"eu-west-1.rds.amazonaws.com.attacker.example.invalid": {},
	} {
		var l list
		(&Check{opener: postgres.Opener{Roots: postgres.NewRoots("")}}).roots(&l, subject{value: secret.Value{Host: host}})
		if expected.Name == "" && len(l.results) == 0 {
			continue
		}
		if len(l.results) != 1 {
			t.Errorf("%s: %+v", host, l.results)
			continue
		}
		got := l.results[0]
		if got.Name != expected.Name || got.OK != expected.OK || !strings.Contains(got.Detail, expected.Detail) || !strings.Contains(got.Fix, expected.Fix) || (got.Fix == "") != (expected.Fix == "") {
			t.Errorf("%s: %+v, expected %+v", host, got, expected)
		}
	}
}

// What the extra file holds counts as much as what the binary does.
func TestRootsOfTheExtraFile(t *testing.T) {
	t.Parallel()
	bundle, err := os.ReadFile("../postgres/rds-global-bundle.pem")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, expected := range map[string]bool{file: true, filepath.Join(t.TempDir(), "gone.pem"): false} {
		var l list
		(&Check{opener: postgres.Opener{Roots: postgres.NewRoots(name)}}).roots(&l, subject{value: secret.Value{Host: "o.a.eu-west-1.rds.amazonaws.com"}})
		if len(l.results) != 1 || l.results[0].OK != expected {
			t.Errorf("%s: %+v", name, l.results)
		}
	}
}
