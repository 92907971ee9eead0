package sweep_test

import (
	"fmt"
	"slices"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
	"pgrotator/rotator/report"
)

// At each AWS call of a sweep another process begins to sweep. Before the first has the database to itself, the second does the
// work; from then on it is told that there is another, and leaves everything to the first.
func TestTwoSweepsAtOnce(t *testing.T) {
	t.Parallel()
	l := newLane(t, laneArrangements[0].prepare)
	beforeLock := []string{"DescribeSecret", "GetSecretValue", "DescribeDBClusters", "DescribeDBInstances"}
	calls, _ := l.quietRound()
	for _, at := range localtest.Some(calls, 6) {
		t.Run(fmt.Sprintf("%s %d", at.operation, at.n), func(t *testing.T) {
			if err := l.begin(); err != nil {
				t.Fatal(err)
			}
			var second report.Report
			reached := l.once(at, func() localaws.Outcome {
				l.AWS.Intercept(nil)
				var err error
				if second, err = l.invoke(); err != nil {
					t.Errorf("the second sweep: %v", err)
				}
				return localaws.Pass
			})
			first, err := l.invoke()
			if err != nil || !reached() {
				t.Fatalf("the first sweep came to this call: %v, error %v", reached(), err)
			}
			if !first.Evidence.Complete {
				t.Errorf("the first sweep is not complete: %q", first.Evidence.Reasons)
			}
			refused := refusedForAnother(second)
			if expected := !slices.Contains(beforeLock, at.operation); refused != expected {
				t.Errorf("the second sweep was refused: %v, expected %v", refused, expected)
			}
			if second.Evidence.Complete == refused {
				t.Errorf("the second sweep is complete: %v, reasons %q", second.Evidence.Complete, second.Evidence.Reasons)
			}
			if locked := append(closedUsers(first.Locked), closedUsers(second.Locked)...); !slices.Equal(locked, l.idle) {
				t.Errorf("the two sweeps locked %q, want %q", locked, l.idle)
			}
			if dropped := append(closedUsers(first.Deleted), closedUsers(second.Deleted)...); !slices.Equal(dropped, []string{l.old}) {
				t.Errorf("the two sweeps dropped %q, want %q", dropped, l.old)
			}
			if err := l.goOn(); err != nil {
				t.Error(err)
			}
		})
	}
	if n := len(l.sweeper.Processes()); n != 2 {
		t.Errorf("%d processes swept, want 2", n)
	}
}

// Rotations, one or two, begin and end at each AWS call of a sweep, and between two sweeps: the second one replaces the password
// with which the sweep has logged in, or is about to.
func TestRotationsDisturbNoSweep(t *testing.T) {
	t.Parallel()
	prepare := laneArrangements[0].prepare
	l := newLane(t, prepare)
	calls, _ := l.quietRound()
	var faults []fault
	for rotations := 1; rotations <= 2; rotations++ {
		faults = append(faults, fault{name: fmt.Sprintf("%d between two sweeps", rotations), harmless: true, arm: func(l *lane) func() bool {
			l.rotate(t, rotations)
			return func() bool { return true }
		}})
		for _, at := range calls {
			faults = append(faults, fault{name: fmt.Sprintf("%d at %s %d", rotations, at.operation, at.n), harmless: true, arm: func(l *lane) func() bool {
				return l.once(at, func() localaws.Outcome {
					l.rotate(t, rotations)
					return localaws.Pass
				})
			}})
		}
	}
	for point := 1; point <= 3; point++ { // the secret is read: the startup and the two messages of SCRAM follow
		faults = append(faults, fault{name: fmt.Sprintf("2 at point %d of the database, and the connection cut", point), harmless: true, arm: func(l *lane) func() bool {
			l.proxy.Inject(point, pgfault.KillBefore, func() { l.rotate(t, 2) })
			return l.proxy.Reached
		}})
	}
	playEach(t, prepare, l, localtest.Some(faults, 4))
}

// rotate may be called from any goroutine.
func (l *lane) rotate(t *testing.T, times int) {
	t.Helper()
	for range times {
		before := l.ReadSecret("AWSCURRENT")
		if err := l.Rotate(); err != nil {
			t.Errorf("the rotation: %v", err)
		}
		if l.ReadSecret("AWSCURRENT") == before {
			t.Error("the rotation changed nothing")
		}
		l.MustLogin("AWSCURRENT")
		l.MustLogin("AWSPREVIOUS")
	}
}
