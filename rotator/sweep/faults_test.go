package sweep_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
)

// lanesAtOnce is how many lanes play at the same time.
const lanesAtOnce = 8

// fault is something that happens once during a sweep. arm prepares it, and what arm gives tells whether it has happened.
type fault struct {
	name     string
	harmless bool // the sweep ends as if nothing had happened
	arm      func(*lane) (reached func() bool)
	during   func(*lane) error // nil, or done while the sweep runs
}

// At each AWS call of a sweep and at each message that asks PostgreSQL for an answer: an error, throttling, a lost reply, a cut
// connection, the function killed, all before it was carried out or after. The next sweep ends what was meanwhile.
func TestSweepGoesOnAfterEveryFault(t *testing.T) {
	t.Parallel()
	for _, a := range laneArrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			l := newLane(t, a.prepare)
			calls, points := l.quietRound()
			faults := databaseFaults(points, a.kinds)
			if a.name == "functions of setup" {
				faults = slices.Concat(faults, loginFaults(points), awsFaults(calls))
			}
			faults = localtest.Some(faults, 12)
			playEach(t, a.prepare, l, faults)
		})
	}
}

// playEach plays all faults, each in a round of its own, on the lane given and on others like it.
func playEach(t *testing.T, prepare func(*localtest.Scene), first *lane, faults []fault) {
	t.Helper()
	queue := make(chan fault, len(faults))
	for _, f := range faults {
		queue <- f
	}
	close(queue)
	lanes := []*lane{first}
	for len(lanes) < lanesAtOnce {
		lanes = append(lanes, newLane(t, prepare))
	}
	var playing sync.WaitGroup
	for _, l := range lanes {
		playing.Go(func() {
			for f := range queue {
				if err := l.play(f); err != nil {
					t.Errorf("%s: %v", f.name, err)
				}
			}
		})
	}
	playing.Wait()
}

// play is one round with a fault.
func (l *lane) play(f fault) error {
	if err := l.begin(); err != nil {
		return err
	}
	reached := f.arm(l)
	defer l.AWS.Intercept(nil)
	if f.harmless {
		if err := l.goOn(); err != nil || reached() {
			return err
		}
		return errors.New("the sweep never came to this point")
	}
	meanwhile := make(chan error, 1)
	go func() {
		if f.during != nil {
			meanwhile <- f.during(l)
		}
		close(meanwhile)
	}()
	report, failure := l.invoke()
	if err := <-meanwhile; err != nil {
		return err
	}
	if !reached() {
		return fmt.Errorf("the sweep never came to this point: it answered %+v, error %v", report, failure)
	}
	if err := l.goOn(); err != nil {
		return fmt.Errorf("%w; the sweep with the fault had ended with %v, reasons %q", err, failure, report.Evidence.Reasons)
	}
	return nil
}

// quietRound plays a round without a fault, and gives its AWS calls and how many points it has at the database.
func (l *lane) quietRound() (calls []sweepCall, points int) {
	l.t.Helper()
	l.AWS.ResetCalls()
	l.proxy.Count()
	if err := errors.Join(l.begin(), l.goOn()); err != nil {
		l.t.Fatal(err)
	}
	return l.sweepCalls(), l.proxy.Points()
}

// databaseFaults are those at each point.
func databaseFaults(points int, kinds []pgfault.Kind) []fault {
	var faults []fault
	for point := 1; point <= points; point++ {
		for _, kind := range kinds {
			faults = append(faults, fault{name: fmt.Sprintf("point %d of %d, %s", point, points, kind), arm: func(l *lane) func() bool {
				l.proxy.Inject(point, kind, l.sweeper.Kill)
				return l.proxy.Reached
			}})
		}
	}
	return faults
}

// loginFaults have an idle role log in, where it still can, at the moment at which the function is killed.
func loginFaults(points int) []fault {
	var faults []fault
	for point := 1; point <= points; point++ {
		faults = append(faults, fault{name: fmt.Sprintf("point %d of %d, a login, and process killed", point, points), arm: func(l *lane) func() bool {
			l.proxy.Inject(point, pgfault.KillBefore, func() {
				l.wake()
				l.sweeper.Kill()
			})
			return l.proxy.Reached
		}})
	}
	return faults
}

// awsFaults are those at each call.
func awsFaults(calls []sweepCall) []fault {
	outcomes := []struct {
		name    string
		outcome localaws.Outcome
	}{
		{"error", localaws.Fail("InternalServiceError", 500)},
		{"refused", localaws.Fail("AccessDeniedException", 400)},
		{"throttled", localaws.Throttle},
		{"reply lost", localaws.LoseReply},
		{"killed before", localaws.KillBefore},
		{"killed after", localaws.KillAfter},
	}
	var faults []fault
	for _, at := range calls {
		for _, o := range outcomes {
			faults = append(faults, fault{name: fmt.Sprintf("%s %d, %s", at.operation, at.n, o.name), arm: func(l *lane) func() bool {
				return l.once(at, func() localaws.Outcome { return o.outcome })
			}})
		}
	}
	return faults
}

// sweepCall is the n-th call of an operation by a sweep.
type sweepCall struct {
	operation string
	n         int
}

// sweepCalls lists the AWS calls of sweeps since the last ResetCalls.
func (l *lane) sweepCalls() []sweepCall {
	counts := map[string]int{}
	var calls []sweepCall
	for _, c := range l.AWS.Calls() {
		if c.Function == "sweep" {
			counts[c.Operation]++
			calls = append(calls, sweepCall{c.Operation, counts[c.Operation]})
		}
	}
	return calls
}

// once has one call of the sweep wait for act and end as that says, and all others pass.
func (l *lane) once(at sweepCall, act func() localaws.Outcome) (reached func() bool) {
	var mu sync.Mutex
	seen := 0
	l.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Function != "sweep" || c.Operation != at.operation {
			return localaws.Pass
		}
		mu.Lock()
		seen++
		hit := seen == at.n
		mu.Unlock()
		if !hit {
			return localaws.Pass
		}
		return act()
	})
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return seen >= at.n
	}
}
