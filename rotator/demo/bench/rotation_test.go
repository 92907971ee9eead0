package bench_test

import (
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
)

// BenchmarkRotation is a whole rotation through setup's function by a process that runs already, beside the least that such a rotation
// can be. The bounds are what version 1.0 took of the bare function's. That on time is for an idle machine: the function waits for a server
// with which it shares the processors here, and asks more of it than the bare one does.
func BenchmarkRotation(b *testing.B) {
	s := start(b)
	setUp(b, s)
	bare := addBare(b, s)
	warmUp(b, s, bare)
	warmUp(b, s, s.Function)
	beside(b, bare, s.Function, bounds{cpu: 1.25, wall: 1.6}, func(f *localaws.Function) cost { return rotateWhole(b, s, f) })
}

// BenchmarkRotationCold is a whole rotation from a process that does not run yet, as Lambda has it: what is in between two rotations is
// days. Time is that of everything, the stand-in's part and the start included. The bounds are as BenchmarkRotation's.
func BenchmarkRotationCold(b *testing.B) {
	s := start(b)
	setUp(b, s)
	beside(b, addBare(b, s), s.Function, bounds{cpu: 0.8, wall: 1.2}, func(f *localaws.Function) cost {
		f.Kill()
		begun := time.Now()
		if err := s.Rotate(b.Context(), f); err != nil {
			b.Fatal(err)
		}
		wall, all := time.Since(begun), f.Processes()
		return cost{wall: wall, cpu: all[len(all)-1].CPU}
	})
}

// BenchmarkRotationDirect is a whole rotation by ALTER ROLE, with CREATEROLE on the shared role.
func BenchmarkRotationDirect(b *testing.B) {
	s := start(b)
	articleRoles(b, s)
	warmUp(b, s, s.Function)
	var all cost
	for b.Loop() {
		all = all.plus(rotateWhole(b, s, s.Function))
	}
	all.report(b)
	reportPeak(b, s.Function)
}

// BenchmarkStep is one step of a rotation through setup's function.
func BenchmarkStep(b *testing.B) {
	s := start(b)
	setUp(b, s)
	warmUp(b, s, s.Function)
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		b.Run(step, func(b *testing.B) {
			var all cost
			for b.Loop() {
				all = all.plus(rotate(b, s, s.Function)[step])
			}
			all.report(b)
		})
	}
}
