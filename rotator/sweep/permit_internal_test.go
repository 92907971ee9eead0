package sweep

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/rotator/account"
	"pgrotator/rotator/sweep/policy"
)

// What a role was not locked or dropped for has its own next step.
func TestNextStep(t *testing.T) {
	t.Parallel()
	r := &run{found: account.Installation{Owner: "rotation_app", Functions: "rotation_app"}}
	r.server.Version = 180000
	for _, c := range []struct {
		err  error
		want string
	}{
		{&pgconn.PgError{Code: "42501"}, `GRANT "jane" TO "rotation_app" WITH ADMIN`},
		{&pgconn.PgError{Code: "2BP01"}, "readyToDelete"},
		{&pgconn.PgError{Code: "55P03"}, "End the transaction"},
		{account.ErrLockLost, "one schedule"},
		{&pgconn.PgError{Code: "XX000"}, "run check"},
		{errors.New("unexpected EOF"), "run check"},
	} {
		err := fmt.Errorf("running sql/roles/lock.sql: %w", c.err)
		if got := r.nextStep(policy.Verdict{Account: account.Account{Name: "jane"}}, err); !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q in it", c.err, got, c.want)
		}
	}
}
