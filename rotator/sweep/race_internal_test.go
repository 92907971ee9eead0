//go:build race

package sweep

// underRace says that the race detector is on, with which the model takes ten times as long.
const underRace = true
