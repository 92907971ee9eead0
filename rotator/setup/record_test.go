package setup_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localtest"
)

// Whoever knows the pair's password for a while does not make the pair his: setup of his secret leaves the record as it is, and says so.
func TestRecordStays(t *testing.T) {
	t.Parallel()
	s := newScene(t, server, nil)
	s.MustSetup()
	first := s.SecretID
	s.SecretID = s.PutNewSecret("copy", json.RawMessage(s.ReadSecret("AWSCURRENT")))
	answer, err := s.Invoke(map[string]any{"action": "setup", "secretId": s.SecretID})
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Changed, Left []string }
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Changed) > 0 || len(report.Left) != 1 || !strings.HasPrefix(report.Left[0], "the pair is recorded for secret "+first) {
		t.Errorf("setup of another secret changed %q and left %q", report.Changed, report.Left)
	}
	if got := recorded(s); got != "pgrotator: secret "+first {
		t.Errorf("the record is %q", got)
	}
}

func recorded(s *localtest.Scene) (comment string) {
	s.Ask("SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1", []any{"rotation_" + s.Shared}, &comment)
	return comment
}

// By psql a DBA says which secret the pair is of; said otherwise later, that one counts.
func TestRecordByPsql(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateMaster()
	asMaster(s, login(s.A))
	for _, said := range []struct{ set, record string }{
		{"", ""},
		{"; SET pgrotator.secret = 'arn:one'", "pgrotator: secret arn:one"},
		{"", "pgrotator: secret arn:one"},
		{"; SET pgrotator.secret = 'arn:two'", "pgrotator: secret arn:two"},
	} {
		if out, err := setupByPsql(t, s, "SET pgrotator.username = '"+s.A+"'"+said.set); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := recorded(s); got != said.record {
			t.Errorf("after %q the record is %q, want %q", said.set, got, said.record)
		}
	}
}

// A pair that serves in one database and is set up in another is refused there, with the script that ends the first: no setup can look
// into another database, where its owner role might own somebody's door.
func TestPairOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	s := newScene(t, server, nil)
	s.MustSetup()
	first, second := s.Database, s.Shared+"second"
	asMaster(s, "CREATE DATABASE "+second)
	s.Database = second
	s.PutCurrent(s.Value(map[string]any{"masterarn": masterOf(t, s)}))
	_, err := s.Setup()
	for _, want := range []string{"something in database " + first, "sql/teardown.sql"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("setup: %v, want %q", err, want)
		}
	}
	if out, err := psqlFile(t, server.URL(s.Master, localtest.PasswordMaster, first), "teardown.sql", "-v", "role="+s.Shared); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.MustSetup()
	mustRotate(t, s)
}

func masterOf(t *testing.T, s *localtest.Scene) (arn string) {
	t.Helper()
	var value struct{ MasterARN string }
	if err := json.Unmarshal([]byte(s.ReadSecret("AWSCURRENT")), &value); err != nil {
		t.Fatal(err)
	}
	return value.MasterARN
}
