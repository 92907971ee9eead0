package bench_test

import (
	"testing"
	"time"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/internal/localaws"
)

// BenchmarkRotation is a whole rotation through setup's function, beside the least that such a rotation can be.
func BenchmarkRotation(b *testing.B) {
	s := start(b)
	setUp(b, s)
	bare := addBare(b, s)
	var least time.Duration
	b.Run("bare", func(b *testing.B) { least = rotate(b, s, bare) })
	b.Run("function", func(b *testing.B) {
		cpu := rotate(b, s, s.Function)
		if least > 0 {
			b.ReportMetric(float64(cpu)/float64(least), "cpu/bare")
		}
	})
}

// BenchmarkRotationDirect is a whole rotation by ALTER ROLE, with CREATEROLE on the shared role.
func BenchmarkRotationDirect(b *testing.B) {
	s := start(b)
	articleRoles(b, s)
	rotate(b, s, s.Function)
}

// rotate measures whole rotations and gives the function's CPU time of one.
func rotate(b *testing.B, s *stack.Stack, f *localaws.Function) time.Duration {
	b.Helper()
	var all cost
	for _, step := range measure(b, s, f) {
		all = cost{all.wall + step.wall, all.cpu + step.cpu, all.calls + step.calls, all.connections + step.connections}
	}
	all.report(b)
	reportPeak(b, f)
	return all.cpu / time.Duration(b.N)
}

// BenchmarkRotationCold is a whole rotation from a process that does not run yet, as Lambda has it: what is in between two
// rotations is days. Time per op is that of everything, the stand-in's part and the start included.
func BenchmarkRotationCold(b *testing.B) {
	s := start(b)
	setUp(b, s)
	bare := addBare(b, s)
	b.Run("bare", func(b *testing.B) { rotateCold(b, s, bare) })
	b.Run("function", func(b *testing.B) { rotateCold(b, s, s.Function) })
}

func rotateCold(b *testing.B, s *stack.Stack, f *localaws.Function) {
	b.Helper()
	earlier := len(f.Processes())
	for b.Loop() {
		f.Kill()
		if err := s.Rotate(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
	var cpu time.Duration
	for _, p := range f.Processes()[earlier:] {
		cpu += p.CPU
	}
	b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N), "cpu-ms/op")
	reportPeak(b, f)
}

// BenchmarkStep is one step of a rotation through setup's function.
func BenchmarkStep(b *testing.B) {
	s := start(b)
	setUp(b, s)
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		b.Run(step, func(b *testing.B) { measure(b, s, s.Function)[step].report(b) })
	}
}
