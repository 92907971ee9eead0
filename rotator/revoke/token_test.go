package revoke_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgrotator/rotator/internal/iamfront"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// Without any master secret, by token: a token is good for one address, and each instance gets its own.
func TestRevokeByToken(t *testing.T) {
	t.Parallel()
	behind := options
	behind.HBA = []string{"host all +rds_iam 127.0.0.1/32 trust"} // the front has asked for the token
	pg := pgtest.Start(t, behind)
	s := localtest.New(t, pg, nil)
	s.CreateMaster()
	s.SQL("CREATE ROLE rds_iam", "GRANT rds_iam TO "+s.Master)
	writer := newFront(t, s, pg)
	s.Port = writer.Port()
	s.CreateSecret(map[string]any{"masteriam": s.Master, "dbClusterIdentifier": "orders"})
	s.Cluster("orders")
	reader := addReader(t, s)
	front := newFront(t, s, reader)
	describeReader(s, front.Port())
	s.Function = s.AddFunction("by-token", map[string]string{"DB_CA_FILE": together(t, writer.CAFile(), front.CAFile())}, 0)
	s.MustSetup()
	known := s.Credential("AWSCURRENT")
	pgtest.AwaitReplay(t, pg, reader)
	there := steal(t, reader, s, known)
	report, err := run(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := there.Ping(t.Context()); err == nil {
		t.Errorf("the thief's session on the reader lives; ended %+v", report.Ended)
	}
	if _, err := s.Login(known); err == nil {
		t.Error("the old credential logs in")
	}
	s.MustLogin("AWSCURRENT")
	for name, f := range map[string]*iamfront.Front{"writer": writer, "reader": front} {
		if logins := f.Logins(); len(logins) == 0 || logins[len(logins)-1].Refused != "" {
			t.Errorf("by token on the %s: %+v", name, logins)
		}
	}
}

func newFront(t *testing.T, s *localtest.Scene, pg *localpg.Server) *iamfront.Front {
	t.Helper()
	credentials, err := s.AWS.Config().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	front, err := iamfront.Start(t.Context(), t.TempDir(), iamfront.Options{Backend: fmt.Sprintf("127.0.0.1:%d", pg.Port()), Users: []string{s.Master},
		Key: iamfront.Key{Region: localaws.Region, SecretKey: credentials.SecretAccessKey}})
	if err != nil {
		t.Fatal(err)
	}
	return front
}

// together is one file of several roots.
func together(t *testing.T, paths ...string) string {
	t.Helper()
	var all bytes.Buffer
	for _, path := range paths {
		pem, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(pem)
	}
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
