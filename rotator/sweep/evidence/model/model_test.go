// Package model_test holds the evidence and the policy of the sweep against simulated years in which everything goes wrong that is
// known to go wrong.
package model_test

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
)

// What the environment may ask for: thousands of worlds, or one by its seed, or those of a range of seeds, as 5000-5999.
const (
	soakVariable = "PGROTATOR_SOAK"
	seedVariable = "PGROTATOR_SEED"
)

// onceFailed are worlds in which the sweep was once found wrong.
var onceFailed = []uint64{123, 140, 175, 30172, 30370, 30465, 30662, 31212, 2001158, 2001496, 2900380, 3200191, 7000265, 10000316, 13000415}

// garbage is how much a world may add to what it holds before that is collected, in percent: worlds are small.
const garbage = 400

func TestMain(m *testing.M) {
	debug.SetGCPercent(garbage)
	os.Exit(m.Run())
}

func TestModel(t *testing.T) {
	t.Parallel()
	first, last := uint64(0), worldsToLive()
	if text := os.Getenv(seedVariable); text != "" {
		if n, err := fmt.Sscanf(text+"-"+text, "%d-%d", &first, &last); n != 2 {
			t.Fatal(err)
		}
		last++
	}
	const batches = 4
	for batch := range batches {
		t.Run(fmt.Sprintf("batch %d", batch), func(t *testing.T) {
			t.Parallel()
			worlds, locks, drops := 0, 0, 0
			for seed := first + uint64(batch); seed < last; seed += batches {
				w := live(t, seed)
				worlds, locks, drops = worlds+1, locks+w.locks, drops+w.drops
				if t.Failed() && flag.Lookup("test.failfast").Value.String() == "true" {
					return
				}
			}
			if worlds >= 25 && (locks+drops < worlds || drops == 0) {
				t.Errorf("%d locks and %d drops in %d worlds: the model hardly tests them", locks, drops, worlds)
			}
		})
	}
}

func TestModelWhereItOnceFailed(t *testing.T) {
	t.Parallel()
	for _, seed := range onceFailed {
		live(t, seed)
	}
}

func worldsToLive() uint64 {
	if n, err := strconv.ParseUint(os.Getenv(soakVariable), 10, 64); err == nil && n > 1 {
		return n
	}
	switch {
	case os.Getenv(soakVariable) != "":
		return 5000
	case testing.Short(), underRace:
		return 20
	}
	return 200
}

// live lets a world pass, and reports what was wrong in it.
func live(t *testing.T, seed uint64) *world {
	w := newWorld(seed)
	for range 100 + w.rng.IntN(150) {
		w.step()
		if len(w.faults) > 0 {
			t.Errorf("seed %d (%s=%d go test -run TestModel ./rotator/sweep/evidence/model): %q", seed, seedVariable, seed, w.faults)
			break
		}
	}
	return w
}
