package localtest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

// EachMajor runs test in parallel on PostgreSQL 14 to 18: those that are on this machine, or, with PGROTATOR_MATRIX=1, all of
// them, which fetches what is missing. have serves its own major; the package's tests share the others, made with options. Outside the
// long campaign 14, 16 and 17 are for the tests that are called TestMatrixOf….
func EachMajor(t *testing.T, have *localpg.Server, options localpg.Options, test func(t *testing.T, pg *localpg.Server)) {
	for major := 14; major <= 18; major++ {
		t.Run(fmt.Sprintf("PostgreSQL %d", major), func(t *testing.T) {
			t.Parallel()
			if major == have.Major() {
				test(t, have)
				return
			}
			if major != 15 && major != 18 && !Soaking() && !strings.HasPrefix(t.Name(), "TestMatrixOf") {
				t.Skip("the long campaign plays this major: PGROTATOR_SOAK=1")
			}
			if !AtHand(major) {
				t.Skipf("PostgreSQL %d is not on this machine; PGROTATOR_MATRIX=1 fetches it", major)
			}
			options := options
			options.Major = major
			test(t, pgtest.Shared(t, options))
		})
	}
}

// AtHand reports that a test may use this major of PostgreSQL: it is on this machine, or PGROTATOR_MATRIX=1 asks to fetch what is missing.
func AtHand(major int) bool {
	return os.Getenv("PGROTATOR_MATRIX") == "1" || localpg.Available(major)
}
