package bench_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/internal/localaws"
)

// cost is what a step, or all steps of a rotation, took.
type cost struct {
	wall, cpu          time.Duration // of the function; what the stand-in takes between steps is not in it
	calls, connections int           // to AWS and to the database
}

func (c cost) plus(other cost) cost {
	return cost{c.wall + other.wall, c.cpu + other.cpu, c.calls + other.calls, c.connections + other.connections}
}

// warmUp starts the function's process and has it set both users: what comes after is the ordinary case.
func warmUp(b *testing.B, s *stack.Stack, f *localaws.Function) {
	b.Helper()
	for range 2 {
		if err := s.Rotate(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
}

// rotate rotates once, and gives the cost by step.
func rotate(b *testing.B, s *stack.Stack, f *localaws.Function) map[string]cost {
	b.Helper()
	s.AWS.ResetCalls()
	opened := connections(b, s)
	costs := map[string]cost{}
	s.AWS.AfterInvoke(func(i localaws.Invocation) {
		now := connections(b, s)
		costs[stepOf(i.Event)] = cost{i.Result.Duration, i.Result.CPU, calls(s), now - opened}
		opened = now
		s.AWS.ResetCalls()
	})
	defer s.AWS.AfterInvoke(nil)
	if err := s.Rotate(b.Context(), f); err != nil {
		b.Fatal(err)
	}
	return costs
}

// rotateWhole rotates once, and gives the cost of all steps.
func rotateWhole(b *testing.B, s *stack.Stack, f *localaws.Function) cost {
	b.Helper()
	var all cost
	for _, step := range rotate(b, s, f) {
		all = all.plus(step)
	}
	return all
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

// report gives the averages of b.N; time per op is the function's own.
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
