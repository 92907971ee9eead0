package postgres

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

// A host of each Region is looked for among the Region's own roots first, and those are all that the bundle has for it.
func TestRootsOfTheRegionComeFirst(t *testing.T) {
	t.Parallel()
	roots := NewRoots("")
	regions, err := roots.Regions()
	if err != nil || len(regions) < 20 {
		t.Fatalf("Regions %q, %v", regions, err)
	}
	for _, region := range regions {
		expected := x509.NewCertPool()
		for block, rest := pem.Decode(rdsBundle); block != nil; block, rest = pem.Decode(rest) {
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if name := regionalRoot().FindStringSubmatch(certificate.Subject.CommonName); name != nil && name[1] == region {
				expected.AddCert(certificate)
			}
		}
		pools := roots.pools("shop.cluster-c1." + region + ".rds.amazonaws.com")
		if first, err := pools[0](); len(pools) != 3 || err != nil || !first.Equal(expected) {
			t.Errorf("%s: %d pools, %v, or the first holds others than the Region's", region, len(pools), err)
		}
	}
}

// A host that is not RDS's own is looked for among the extra file's alone at first, where there is one.
func TestExtraRootsComeFirst(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(rdsBundle)
	file := filepath.Join(t.TempDir(), "extra.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	extra := x509.NewCertPool()
	extra.AppendCertsFromPEM(pem.EncodeToMemory(block))
	if first, err := NewRoots(file).pools("db.internal")[0](); err != nil || !first.Equal(extra) {
		t.Errorf("the first pool is not the extra file's, %v", err)
	}
	if pools := NewRoots("").pools("db.internal"); len(pools) != 2 {
		t.Errorf("without a file there are %d pools, and the first has nobody to trust", len(pools))
	}
}
