package bench_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/internal/localaws"
)

// cost is what all runs of a step took together.
type cost struct {
	wall, cpu          time.Duration // of the function; what the stand-in takes between steps is not in it
	calls, connections int           // to AWS and to the database
}

// measure rotates b.N times and gives the cost by step.
func measure(b *testing.B, s *stack.Stack, f *localaws.Function) map[string]cost {
	b.Helper()
	for range 2 { // the process is started and both users are set: what comes now is the ordinary case
		if err := s.Rotate(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
	s.AWS.ResetCalls()
	opened := connections(b, s)
	costs := map[string]cost{}
	s.AWS.AfterInvoke(func(i localaws.Invocation) {
		name, now := stepOf(i.Event), connections(b, s)
		c := costs[name]
		costs[name] = cost{c.wall + i.Result.Duration, c.cpu + i.Result.CPU, c.calls + calls(s), c.connections + now - opened}
		opened = now
		s.AWS.ResetCalls()
	})
	defer s.AWS.AfterInvoke(nil)
	for b.Loop() {
		if err := s.Rotate(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
	return costs
}

func stepOf(event []byte) string {
	var e struct{ Step string }
	if json.Unmarshal(event, &e) != nil {
		return ""
	}
	return e.Step
}

// calls counts those of functions since the last reset.
func calls(s *stack.Stack) int {
	n := 0
	for _, call := range s.AWS.Calls() {
		if call.Function != "" {
			n++
		}
	}
	return n
}

// connections counts all in the server's log: while a benchmark rotates nobody else connects.
func connections(b *testing.B, s *stack.Stack) int {
	log, err := s.PG.Log()
	if err != nil {
		b.Error(err) // and no Fatal, which is for the benchmark's own goroutine
	}
	return strings.Count(log, "LOG:  connection authorized:")
}

// report gives the averages; time per op is the function's own.
func (c cost) report(b *testing.B) {
	n := float64(b.N)
	b.ReportMetric(float64(c.wall.Nanoseconds())/n, "ns/op")
	b.ReportMetric(float64(c.cpu.Microseconds())/1000/n, "cpu-ms/op")
	b.ReportMetric(float64(c.calls)/n, "calls/op")
	b.ReportMetric(float64(c.connections)/n, "conns/op")
}

// reportPeak gives the largest resident set of any of the function's processes.
func reportPeak(b *testing.B, f *localaws.Function) {
	var peak int64
	for _, p := range f.Processes() {
		peak = max(peak, p.PeakRSS)
	}
	b.ReportMetric(float64(peak)/(1<<20), "peak-RSS-MiB")
}
