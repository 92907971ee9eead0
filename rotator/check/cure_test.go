package check_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// Terraform writes the value back that it knows. The password that clients hold must survive the cure.
func TestValuePutBackIsMovedBack(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	first := s.ReadSecret("AWSCURRENT")
	for range 2 {
		if err := s.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	held, verifiers := s.Credential("AWSCURRENT"), s.Verifiers()
	s.PutCurrent(json.RawMessage(first))
	result := find(t, run(t, s, role.ForRotation), "current login")
	if result.OK || strings.Contains(result.Fix, "repair") {
		t.Fatalf("check says %+v", result)
	}
	s.CLI(result.Fix)
	if now := s.Credential("AWSCURRENT"); now != held {
		t.Errorf("AWSCURRENT is %+v, and clients hold %+v", now, held)
	}
	if report := run(t, s, role.ForRotation); !report.OK {
		t.Errorf("afterwards: %+v", report.Checks)
	}
	if after := s.Verifiers(); after != verifiers {
		t.Error("a password was set")
	}
	if err := s.Rotate(); err != nil {
		t.Error(err)
	}
}

// What a rotation left behind is cleared by the command that check gives.
func TestLeftOverIsCleared(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	s.Begin()
	s.CLI(find(t, run(t, s, role.ForRotation), "pending").Fix)
	if result := find(t, run(t, s, role.ForRotation), "pending"); !result.OK {
		t.Errorf("afterwards: %+v", result)
	}
	if err := s.Rotate(); err != nil {
		t.Error(err)
	}
}

// CONNECT that only a group has lets nobody in who does not inherit from it: what check gives lets the user itself in.
func TestConnectIsGivenToTheUser(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	s.SQL("REVOKE CONNECT ON DATABASE "+s.Database+" FROM PUBLIC", "GRANT CONNECT ON DATABASE "+s.Database+" TO "+s.A+", "+s.Shared, "ALTER ROLE "+s.B+" NOINHERIT")
	result := find(t, run(t, s, role.ForRotation), "other user")
	what, statements, _ := strings.Cut(result.Fix, "\n")
	if result.OK || what != "As the master:" {
		t.Fatalf("check says %+v", result)
	}
	s.SQLAs(server.URL(s.Master, localtest.PasswordMaster, s.Database), strings.Split(statements, "\n")...)
	if result := find(t, run(t, s, role.ForRotation), "other user"); !result.OK {
		t.Errorf("afterwards: %+v", result)
	}
	if err := s.Rotate(); err != nil {
		t.Error(err)
	}
}
