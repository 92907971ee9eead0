package setup_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// An upgrade from 15 changes nothing: setup finds all there, and the pair rotates through its function without any master. The roles
// come over as the new major's pg_dumpall and pg_upgrade bring them: memberships without their grantors.
func TestUpgradeFrom15ChangesNothing(t *testing.T) {
	t.Parallel()
	since16(t, func(t *testing.T, pg *localpg.Server) {
		for name, c := range map[string]struct {
			alone  int // the only major that the plain tests upgrade to
			before func(*testing.T, *localtest.Scene)
		}{
			"set up as now":          {18, func(*testing.T, *localtest.Scene) {}},
			"set up by version 1.0":  {16, asFirstVersion},
			"after a rotation or so": {17, func(t *testing.T, s *localtest.Scene) { mustRotate(t, s); mustRotate(t, s) }},
		} {
			if pg.Major() != c.alone && !localtest.Soaking() {
				continue
			}
			t.Run(name, func(t *testing.T) {
				old := newScene(t, pgtest.Start(t, options), nil)
				old.MustSetupFor(role.ForSweep)
				c.before(t, old)
				s := upgraded(t, old, pg)
				changed, err := s.SetupFor(role.ForSweep)
				if err != nil || len(changed) > 0 {
					t.Fatalf("after the upgrade setup changed %q, error %v", changed, err)
				}
				current := s.Credential("AWSCURRENT")
				s.PutCurrent(s.Value(map[string]any{"username": current.Username, "password": current.Password}))
				mustRotate(t, s)
				mustRotate(t, s)
			})
		}
	})
}

// asFirstVersion takes away what version 1.0 did not give, and then has the master run what check advises before an upgrade.
func asFirstVersion(t *testing.T, s *localtest.Scene) {
	owner := "rotation_" + s.Shared
	s.SQL("ALTER ROLE "+owner+" INHERIT", fmt.Sprintf("REVOKE %s, %s FROM %s", s.A, s.B, owner),
		fmt.Sprintf("REVOKE %s, %s, %s, %s FROM %s", owner, s.Shared, s.A, s.B, s.Master))
	for range 2 {
		advice := upgradeAdvice(t, s)
		if advice == "" {
			return
		}
		_, statements, _ := strings.Cut(advice, "as the master:\n")
		asMaster(s, strings.Split(statements, "\n")...)
	}
	t.Error("check still advises after its advice was taken")
}

func upgradeAdvice(t *testing.T, s *localtest.Scene) string {
	t.Helper()
	answer, err := s.Invoke(map[string]any{"action": "check", "secretId": s.SecretID, "for": role.ForRotation})
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Checks []struct{ Name, Fix string } }
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Checks {
		if c.Name == "upgrade" {
			return c.Fix
		}
	}
	t.Fatalf("no check \"upgrade\" in %s", answer)
	return ""
}

var (
	grantor   = regexp.MustCompile(` GRANTED BY [^;]+;`)
	superuser = regexp.MustCompile(`(?m)^(CREATE|ALTER) ROLE postgres\b.*\n`) // is there already, with a password of its own
)

// upgraded brings roles and database of a scene on 15 to a newer server, and gives the scene there.
func upgraded(t *testing.T, old *localtest.Scene, pg *localpg.Server) *localtest.Scene {
	t.Helper()
	user, password := old.PG.Superuser()
	roles := dump(t, "pg_dumpall", "--roles-only", "-d", old.PG.URL(user, password, "postgres"))
	roles = superuser.ReplaceAllString(grantor.ReplaceAllString(roles, ";"), "")
	database := dump(t, "pg_dump", "--create", "-d", old.PG.URL(user, password, old.Database))
	s := localtest.New(t, pg, nil)
	user, password = pg.Superuser()
	into := pg.URL(user, password, "postgres")
	names := strings.NewReplacer(old.Shared, s.Shared) // the newer server is other tests' too
	restore(t, into, strings.Replace(names.Replace(roles), "CREATE ROLE rds_superuser;", rdsSuperuser, 1))
	restore(t, into, names.Replace(database))
	s.Database = s.Master + "db"
	current := old.Credential("AWSCURRENT")
	s.CreateSecret(map[string]any{"username": names.Replace(current.Username), "password": current.Password,
		"masterarn": s.PutNewSecret("master", s.Value(map[string]any{"username": s.Master, "password": localtest.PasswordMaster}))})
	return s
}

func dump(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not on this machine", program)
	}
	out, err := exec.Command(program, arguments...).Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return string(out)
}

// rdsSuperuser makes the role where another upgrade to the same server has not.
const rdsSuperuser = "DO $$ BEGIN CREATE ROLE rds_superuser; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"

func restore(t *testing.T, url, script string) {
	t.Helper()
	psql := exec.Command("psql", url, "-XqAt", "-v", "ON_ERROR_STOP=1")
	psql.Stdin = strings.NewReader(script)
	if out, err := psql.CombinedOutput(); err != nil {
		t.Fatalf("restoring: %v\n%s", err, out)
	}
}
