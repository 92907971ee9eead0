package role

import (
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"sync"
)

// rdsBundle is AWS's global bundle of RDS root certificates (User Guide, "Using SSL/TLS to encrypt a connection").
//
//go:embed rds-global-bundle.pem
var rdsBundle []byte

// Roots is the certificate authorities that a database server's certificate may come from: the RDS bundle, the system's and
// one more PEM file. They are read on first use: a function that speaks plaintext never pays for them.
type Roots struct {
	load func() (*x509.CertPool, error)
}

// NewRoots adds the PEM certificates of extraFile to the RDS bundle and the system's; "" adds none.
func NewRoots(extraFile string) Roots {
	return Roots{load: sync.OnceValues(func() (*x509.CertPool, error) { return readRoots(extraFile) })}
}

func readRoots(extraFile string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(rdsBundle) {
		return nil, errors.New("reading the RDS root certificates in the binary: no certificate found")
	}
	if extraFile == "" {
		return pool, nil
	}
	pem, err := os.ReadFile(extraFile)
	if err != nil {
		return nil, fmt.Errorf("reading DB_CA_FILE: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading DB_CA_FILE: %s holds no PEM certificate", extraFile)
	}
	return pool, nil
}
