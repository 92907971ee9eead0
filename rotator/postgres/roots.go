package postgres

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

// Roots is the certificate authorities that a database server's certificate may come from. They are read on first use: a
// function that speaks plaintext never pays for them, and the system's, which take longest, are read only where the others
// have not signed.
type Roots struct {
	extraFile string
	own       func() (*x509.CertPool, error) // the RDS bundle and the extra file
	system    func() (*x509.CertPool, error)
}

// NewRoots is the RDS bundle, the system's roots and the PEM certificates of extraFile; "" adds none.
func NewRoots(extraFile string) Roots {
	return Roots{
		extraFile: extraFile,
		own:       sync.OnceValues(func() (*x509.CertPool, error) { return readRoots(extraFile) }),
		system:    sync.OnceValues(x509.SystemCertPool),
	}
}

func readRoots(extraFile string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
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
