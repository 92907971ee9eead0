package rotation_test

import (
	"strings"
	"testing"

	"pgrotator/rotator/internal/localtest"
)

// What a rotation may cost, by the server's log and the stand-in's record: no login is refused in the ordinary ways.
func TestCost(t *testing.T) {
	t.Parallel()
	cost := map[string]struct{ calls, connections int }{
		"function of setup":     {12, 2},
		"directly":              {12, 2},
		"user itself":           {13, 3},
		"master makes the user": {14, 3}, // one of them asks RDS whose master it is
		"master sets the user":  {14, 3},

		"single user":                 {12, 2},
		"master sets the single user": {14, 3},
	}
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, a.env)
			a.prepare(s)
			before, refusedBefore := countLogins(t, s), len(refusedLogins(t, s))
			s.AWS.ResetCalls()
			if err := s.Rotate(); err != nil {
				t.Fatal(err)
			}
			if got := len(functionCalls(s)); got != cost[a.name].calls {
				t.Errorf("%d AWS calls; want %d: %v", got, cost[a.name].calls, functionCalls(s))
			}
			if got := countLogins(t, s) - before; got != cost[a.name].connections {
				t.Errorf("%d connections; want %d", got, cost[a.name].connections)
			}
			if refused := refusedLogins(t, s)[refusedBefore:]; len(refused) > 0 {
				t.Errorf("refused: %s", refused)
			}
		})
	}
}

func countLogins(t *testing.T, s *localtest.Scene) int {
	t.Helper()
	logins := len(functionLogins(t, s, s.A)) + len(functionLogins(t, s, s.Master))
	if s.B != s.A {
		logins += len(functionLogins(t, s, s.B))
	}
	return logins
}

func refusedLogins(t *testing.T, s *localtest.Scene) []string {
	t.Helper()
	return logLines(t, s, func(line string) bool {
		return strings.Contains(line, "FATAL:") && (strings.Contains(line, ":"+s.A+"@") || strings.Contains(line, ":"+s.B+"@"))
	})
}
