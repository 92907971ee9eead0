package bench_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
)

// rounds is how often a comparison is made in one iteration: fewer would leave the medians to chance.
const rounds = 40

// bounds are the most that the rotator may take of what the bare function takes in the same run; 0 = no bound.
type bounds struct {
	cpu, wall float64
}

// beside has the bare function and the rotator do the same in turn, so that whatever else the machine does falls on both, and tells
// the rotator's medians, what they are of the bare function's, and whether that is within the bounds.
func beside(b *testing.B, bare, rotator *localaws.Function, most bounds, act func(*localaws.Function) cost) {
	b.Helper()
	var least, ours []cost
	for b.Loop() {
		for range rounds {
			least, ours = append(least, act(bare)), append(ours, act(rotator))
		}
	}
	wall := func(c cost) time.Duration { return c.wall }
	cpu := func(c cost) time.Duration { return c.cpu }
	b.ReportMetric(float64(median(ours, wall)), "ns/op")
	tell(b, "wall", median(ours, wall), median(least, wall), most.wall)
	if median(ours, cpu) > 0 {
		b.ReportMetric(float64(median(ours, cpu).Microseconds())/1000, "cpu-ms/op")
		tell(b, "cpu", median(ours, cpu), median(least, cpu), most.cpu)
	}
	reportPeak(b, rotator)
}

// tell gives the ratio to the bare function's, and the bound on it.
func tell(b *testing.B, what string, ours, least time.Duration, most float64) {
	b.Helper()
	ratio := float64(ours) / float64(least)
	b.ReportMetric(ratio, what+"/bare")
	if most > 0 {
		b.Logf("%s: %v, the bare function's %v: %s", what, ours.Round(10*time.Microsecond), least.Round(10*time.Microsecond), judge(ratio, most))
	}
}

// judge says whether a bound is held. A miss is no failure of the run: on a busy machine it may be the machine's.
func judge(figure, most float64) string {
	verdict := "held"
	if figure > most {
		verdict = "NOT HELD"
	}
	return fmt.Sprintf("%.2f, the bound of %.2f is %s", figure, most, verdict)
}

// median is more telling than the average, since whatever else the machine does makes single ones slow.
func median(all []cost, of func(cost) time.Duration) time.Duration {
	sorted := slices.SortedFunc(slices.Values(all), func(x, y cost) int { return cmp.Compare(of(x), of(y)) })
	return of(sorted[len(sorted)/2])
}
