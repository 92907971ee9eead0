package sweep_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/report"
)

// Whom setup's functions close and whom not: the master is known by its name, and the sweep knows who else set the pair up by ADMIN on
// the owner role; other pairs are known by the records of their owner roles.
func TestClosable(t *testing.T) {
	t.Parallel()
	underBothRules(t, testClosable)
}

func testClosable(t *testing.T, on *localpg.Server) {
	s := newStage(t, on, localaws.PublishOptions{})
	for _, sql := range []string{
		"CREATE ROLE rds_superuser", "ALTER ROLE " + s.prefix + " NOCREATEROLE",
		fmt.Sprintf("CREATE ROLE dba LOGIN CREATEROLE CREATEDB PASSWORD '%s' IN ROLE rds_superuser", password),
		"ALTER DATABASE " + s.prefix + " OWNER TO dba", "GRANT ALL ON SCHEMA public TO dba WITH GRANT OPTION",
		"CREATE ROLE rotation_strange NOLOGIN CREATEROLE", "COMMENT ON ROLE rotation_strange IS 'no record of setup'",
		"CREATE ROLE rotation_other NOLOGIN CREATEROLE", `COMMENT ON ROLE rotation_other IS '{"role" : "other", "users" : ["one", "two"]}'`,
	} {
		s.exec(sql)
	}
	if on.Major() >= 16 {
		for _, name := range []string{"", "_a", "_b"} {
			s.exec("GRANT " + s.prefix + name + " TO dba WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
		}
	}
	s.setMaster("dba")
	for _, name := range []string{"one", "two", "person", "role", "users"} {
		s.asMaster("dba", "CREATE ROLE "+name+" LOGIN")
	}
	if on.Major() >= 16 { // without which the record would be anybody's
		s.asMaster("dba", "GRANT one, two TO rotation_other WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
	}
	s.exec("GRANT rds_superuser TO person")
	s.setUp("dba")
	s.setMaster("another")
	s.settle()
	s.exec("UPDATE user_login_status SET last_login_time = now() - interval '100 days'")
	answer := s.run()
	if got, want := closedUsers(answer.Locked), []string{"person", "role", "users"}; !slices.Equal(got, want) || len(answer.Failed) > 0 {
		t.Errorf("locked %q, want %q; failed %+v, not managed %+v", got, want, answer.Failed, answer.NotManaged)
	}
	if !slices.ContainsFunc(answer.NotManaged, func(n report.NotManaged) bool { return n.User == "dba" && strings.Contains(n.Reason, "setup ran as") }) {
		t.Errorf("not managed %+v", answer.NotManaged)
	}
	for _, name := range []string{"one", "two", "dba"} {
		s.exec("SET ROLE " + s.prefix)
		_, err := s.admin.Exec(t.Context(), "SELECT rotation_"+s.prefix+".lock_role($1)", name)
		s.exec("RESET ROLE")
		if err == nil || !strings.Contains(err.Error(), "is not one that the sweep may close") {
			t.Errorf("lock_role(%s): %v", name, err)
		}
	}
}
