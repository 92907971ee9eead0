package postgres

import (
	"bytes"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// rdsBundle is AWS's global bundle of RDS root certificates (User Guide, "Using SSL/TLS to encrypt a connection").
//
//go:embed rds-global-bundle.pem
var rdsBundle []byte

// Roots is the certificate authorities that a database server's certificate may come from. They are read on first use, those that
// take longer to parse only where the others have not signed; a function that speaks plaintext never pays for any.
type Roots struct {
	extraFile string
	regional  *regionalPools
	own       func() (*x509.CertPool, error) // the RDS bundle and the extra file
	system    func() (*x509.CertPool, error)
}

// NewRoots is the RDS bundle, the system's roots and the PEM certificates of extraFile; "" adds none.
func NewRoots(extraFile string) Roots {
	return Roots{
		extraFile: extraFile,
		regional:  &regionalPools{byRegion: map[string]*x509.CertPool{}},
		own:       sync.OnceValues(func() (*x509.CertPool, error) { return readRoots(extraFile) }),
		system:    sync.OnceValues(x509.SystemCertPool),
	}
}

// pools are where to look for who has signed a host's certificate, one after the other. RDS's roots of the host's Region, and the extra
// file's, are a few of a hundred, and nearly always enough.
func (r Roots) pools(host string) []func() (*x509.CertPool, error) {
	all := []func() (*x509.CertPool, error){r.own, r.system}
	region := RDSRegion(host)
	if region == "" && r.extraFile == "" {
		return all
	}
	return slices.Insert(all, 0, func() (*x509.CertPool, error) { return r.regional.of(region, r.extraFile) })
}

// regionalPools are the pools by Region, each read once. That of "" has none of RDS's roots.
type regionalPools struct {
	mu       sync.Mutex
	byRegion map[string]*x509.CertPool
}

func (p *regionalPools) of(region, extraFile string) (*x509.CertPool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pool := p.byRegion[region]; pool != nil {
		return pool, nil
	}
	pool := x509.NewCertPool()
	if region != "" {
		addRegional(pool, region)
	}
	if err := addExtra(pool, extraFile); err != nil {
		return nil, err
	}
	p.byRegion[region] = pool
	return pool, nil
}

// addRegional adds those of the bundle that name a Region as regionalRoot has it. The text is looked for before a certificate is parsed,
// which is what takes time.
func addRegional(pool *x509.CertPool, region string) {
	name := []byte(regionalRootBefore + region + regionalRootAfter)
	for block, rest := pem.Decode(rdsBundle); block != nil; block, rest = pem.Decode(rest) {
		if !bytes.Contains(block.Bytes, name) {
			continue
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			pool.AddCert(certificate)
		}
	}
}

func readRoots(extraFile string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(rdsBundle) {
		return nil, errors.New("reading the RDS root certificates in the binary: no certificate found")
	}
	return pool, addExtra(pool, extraFile)
}

func addExtra(pool *x509.CertPool, extraFile string) error {
	if extraFile == "" {
		return nil
	}
	content, err := os.ReadFile(extraFile)
	if err != nil {
		return fmt.Errorf("reading DB_CA_FILE: %w", err)
	}
	if !pool.AppendCertsFromPEM(content) {
		return fmt.Errorf("reading DB_CA_FILE: %s holds no PEM certificate", extraFile)
	}
	return nil
}
