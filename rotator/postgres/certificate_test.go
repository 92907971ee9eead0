package postgres_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/postgres"
)

// Certificates of every kind of signature log in: with some, channel binding has no hash that both sides know.
func TestSignaturesOfCertificates(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t, localpg.Options{TLS: true})
	var folder string
	if err := pgtest.Superuser(t, pg).QueryRow(t.Context(), "SHOW data_directory").Scan(&folder); err != nil {
		t.Fatal(err)
	}
	edwards, rivest := edwardsKey(t), rivestKey(t)
	for name, c := range map[string]struct {
		signer    crypto.Signer
		algorithm x509.SignatureAlgorithm
	}{
		"Ed25519": {edwards, x509.PureEd25519}, "RSA-PSS, SHA-256": {rivest, x509.SHA256WithRSAPSS}, "RSA-PSS, SHA-384": {rivest, x509.SHA384WithRSAPSS},
		"RSA, SHA-512": {rivest, x509.SHA512WithRSA},
	} {
		t.Run(name, func(t *testing.T) {
			certify(t, pg, folder, c.signer, c.algorithm)
			user, password := pg.Superuser()
			at := postgres.Server{Host: "localhost", Port: uint16(pg.Port()), Database: "postgres"}
			session, err := postgres.Opener{Roots: postgres.NewRoots(pg.CAFile())}.Open(t.Context(), at, postgres.Login{User: user, Password: password})
			if err != nil {
				t.Fatal(err)
			}
			session.Close(t.Context())
		})
	}
}

func edwardsKey(t *testing.T) crypto.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rivestKey(t *testing.T) crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// certify gives the server a certificate that a CA of the signer's has signed, and has it read anew.
func certify(t *testing.T, pg *localpg.Server, folder string, signer crypto.Signer, algorithm x509.SignatureAlgorithm) {
	t.Helper()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, SignatureAlgorithm: algorithm,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	authority := sign(t, ca, ca, signer.Public(), signer)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.ParseIP("127.0.0.1")},
		SignatureAlgorithm: algorithm,
		NotBefore:          ca.NotBefore, NotAfter: ca.NotAfter}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		pg.CAFile():            {Type: "CERTIFICATE", Bytes: authority},
		folder + "/server.crt": {Type: "CERTIFICATE", Bytes: sign(t, leaf, ca, key.Public(), signer)},
		folder + "/server.key": {Type: "PRIVATE KEY", Bytes: encoded},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func sign(t *testing.T, template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
