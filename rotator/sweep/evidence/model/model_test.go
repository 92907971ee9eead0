// Package model_test holds the evidence and the policy of the sweep against simulated years in which everything goes wrong that is
// known to go wrong.
package model_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// What the environment may ask for: thousands of worlds, or one.
const (
	soakVariable = "PGROTATOR_SOAK"
	seedVariable = "PGROTATOR_SEED"
)

// onceFailed are worlds in which the sweep was once found wrong.
var onceFailed = []uint64{5, 14, 29, 39, 66, 87, 138}

func TestModel(t *testing.T) {
	t.Parallel()
	if text := os.Getenv(seedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		live(t, seed)
		return
	}
	const batches = 4
	for batch := range batches {
		t.Run(fmt.Sprintf("batch %d", batch), func(t *testing.T) {
			t.Parallel()
			worlds, locks, drops := 0, 0, 0
			for seed := uint64(batch); seed < worldsToLive(); seed += batches {
				w := live(t, seed)
				worlds, locks, drops = worlds+1, locks+w.locks, drops+w.drops
			}
			if locks < worlds || drops == 0 {
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
