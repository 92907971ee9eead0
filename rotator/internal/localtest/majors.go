package localtest

import (
	"fmt"
	"os"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

// EachMajor runs test in parallel on PostgreSQL 14 to 18: those that are on this machine, or, with PGROTATOR_MATRIX=1, all of
// them, which fetches what is missing. have serves its own major; the package's tests share the others, made with options.
func EachMajor(t *testing.T, have *localpg.Server, options localpg.Options, test func(t *testing.T, pg *localpg.Server)) {
	for major := 14; major <= 18; major++ {
		t.Run(fmt.Sprintf("PostgreSQL %d", major), func(t *testing.T) {
			t.Parallel()
			if major == have.Major() {
				test(t, have)
				return
			}
			if os.Getenv("PGROTATOR_MATRIX") != "1" && !localpg.Available(major) {
				t.Skipf("PostgreSQL %d is not on this machine; PGROTATOR_MATRIX=1 fetches it", major)
			}
			options := options
			options.Major = major
			test(t, pgtest.Shared(t, options))
		})
	}
}
