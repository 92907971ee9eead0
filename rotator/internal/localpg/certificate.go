package localpg

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const certificateLife = 365 * 24 * time.Hour

// certify writes the CA's certificate and the server's, with its key. The CA's own key is forgotten at once.
func (s *Server) certify() error {
	if err := s.writeCertificates(); err != nil {
		return fmt.Errorf("making the certificates of PostgreSQL: %w", err)
	}
	return nil
}

func (s *Server) writeCertificates() error {
	ca, caKey, err := newCA()
	if err != nil {
		return err
	}
	server, serverKey, err := newServerCertificate(ca, caKey)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		return err
	}
	certFile, keyFile := filepath.Join(s.data(), "server.crt"), filepath.Join(s.data(), "server.key")
	if err := writePEM(s.CAFile(), "CERTIFICATE", ca.Raw, 0o644); err != nil {
		return err
	}
	if err := writePEM(certFile, "CERTIFICATE", server, 0o600); err != nil {
		return err
	}
	if err := writePEM(keyFile, "PRIVATE KEY", key, 0o600); err != nil {
		return err
	}
	return errors.Join(s.account.own(certFile), s.account.own(keyFile))
}

func newCA() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	template := certificate("pgrotator local CA")
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	ca, err := x509.ParseCertificate(der)
	return ca, key, err
}

func newServerCertificate(ca *x509.Certificate, caKey *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey, error) {
	template := certificate("localhost")
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.ParseIP(loopback), net.IPv6loopback}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	return der, key, err
}

// certificate begins an hour ago, for clocks that differ (a container's, a virtual machine's).
func certificate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(certificateLife),
	}
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
