package postgres

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"sync"
)

// The name of RDS's certificate authorities, one for each Region and kind of key, is "Amazon RDS eu-west-1 Root CA RSA2048 G1" (User
// Guide, "Using SSL/TLS to encrypt a connection", certificate authorities).
const (
	regionalRootBefore = "Amazon RDS "
	regionalRootAfter  = " Root CA "
)

var regionalRoot = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^` + regionalRootBefore + `([a-z]+(?:-[a-z]+)+-\d+)` + regionalRootAfter)
})

// Regions are the AWS Regions, in order, of whose RDS the binary or the extra file holds a certificate authority.
func (r Roots) Regions() ([]string, error) {
	found := map[string]bool{}
	addRegions(found, rdsBundle)
	if r.extraFile != "" {
		extra, err := os.ReadFile(r.extraFile)
		if err != nil {
			return nil, fmt.Errorf("reading DB_CA_FILE: %w", err)
		}
		addRegions(found, extra)
	}
	return slices.Sorted(maps.Keys(found)), nil
}

func addRegions(found map[string]bool, bundle []byte) {
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue // the pool of roots leaves it out as well
		}
		if name := regionalRoot().FindStringSubmatch(certificate.Subject.CommonName); name != nil {
			found[name[1]] = true
		}
	}
}
