package rotation_test

import (
	"encoding/json"
	"flag"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

var server *localpg.Server

// options are those of every server here. pg_hba.conf has members of md5_clients log in with md5, and those of turned_away not at all.
var options = localpg.Options{
	Major:    15,
	TLS:      true,
	Settings: map[string]string{"max_connections": "200"},
	HBA:      []string{"host all +turned_away all reject", "host all +md5_clients all md5"},
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of a test's time is waiting, for a retry's pause or a silent host: more of them at once than there are processors.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	pgtest.Main(m, options, &server)
}

// rotateAndCheck rotates n times; after each, AWSCURRENT is the other user and becomes the shared role, and AWSPREVIOUS, the
// AWSCURRENT of before, still logs in.
func rotateAndCheck(t *testing.T, s *localtest.Scene, n int) {
	t.Helper()
	for i := range n {
		before := s.Credential("AWSCURRENT")
		if err := s.Rotate(); err != nil {
			t.Fatalf("rotation %d: %v\n%s", i+1, err, s.Function.Output())
		}
		checkRotated(t, s, before)
	}
}

// checkRotated compares the secret after a rotation with AWSCURRENT before it.
func checkRotated(t *testing.T, s *localtest.Scene, before localtest.Credential) {
	t.Helper()
	current := s.Credential("AWSCURRENT")
	other := map[string]string{s.A: s.B, s.B: s.A}[before.Username]
	if current.Username != other || current.Password == before.Password {
		t.Errorf("AWSCURRENT is %s, and was %s", current.Username, before.Username)
	}
	if became, err := s.Login(current); err != nil || became != s.Shared {
		t.Errorf("%s logs in and is %q, error %v; want %q", current.Username, became, err, s.Shared)
	}
	if previous := s.Credential("AWSPREVIOUS"); previous != before {
		t.Errorf("AWSPREVIOUS is %s, want the old AWSCURRENT %s", previous.Username, before.Username)
	}
	if s.A != s.B { // the former password of a single user is gone
		s.MustLogin("AWSPREVIOUS")
	}
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
