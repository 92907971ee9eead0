package sweep_test

import (
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

// perverse is what a setting that anybody may change is least likely to be: its other boolean, its least or its greatest number, or the
// last of its words.
const perverse = `SELECT coalesce(array_agg(format('ALTER %s SET %I = %L', whose, name, value)), '{}') FROM (
	SELECT name, CASE vartype WHEN 'bool' THEN CASE boot_val WHEN 'on' THEN 'off' ELSE 'on' END
		WHEN 'enum' THEN enumvals[array_upper(enumvals, 1)]
		ELSE CASE WHEN $1 = 'least' THEN min_val ELSE max_val END END AS value
	FROM pg_settings WHERE context = 'user' AND vartype <> 'string' AND name !~ '^(transaction_|role$|session_authorization$)') AS s,
	(VALUES ('ROLE ' || quote_ident($2)), ('DATABASE ' || quote_ident(current_database()))) AS w (whose)`

// Whatever a role sets for itself, and a database's owner for everybody in it, the sweep judges as it does without. The server is the
// test's own: some of these fill its log.
func TestSettingsOfOthersMoveNothing(t *testing.T) {
	t.Parallel()
	own := pgtest.Start(t, localpg.Options{Major: 15})
	for _, numbers := range []string{"least", "greatest"} {
		t.Run(numbers, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, own, localaws.PublishOptions{})
			s.settle()
			idle, busy := s.user("idle", 100), s.user("busy", 10)
			changes := query[[]string](s, perverse, numbers, s.prefix+"_a")
			if len(changes) < 100 {
				t.Fatalf("only %d settings", len(changes))
			}
			for _, change := range changes {
				s.exec(change)
			}
			if report := s.run(); len(report.Locked) != 1 || s.canLogin(idle) || !s.canLogin(busy) {
				t.Errorf("locked %q, complete %v, reasons %q", closedUsers(report.Locked), report.Evidence.Complete, report.Evidence.Reasons)
			}
		})
	}
}
