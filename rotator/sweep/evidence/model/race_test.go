//go:build race

package model_test

// underRace says that the race detector is on, with which the model takes ten times as long.
const underRace = true
