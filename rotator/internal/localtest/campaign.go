package localtest

import "os"

// Soaking reports that the long campaigns are asked for: make soak sets PGROTATOR_SOAK.
func Soaking() bool { return os.Getenv("PGROTATOR_SOAK") != "" }

// Some is what a test plays of a long list: all of it in a long campaign, else at most so many, spread evenly over it.
func Some[T any](all []T, most int) []T {
	if Soaking() || len(all) <= most {
		return all
	}
	some := make([]T, most)
	for n := range some {
		some[n] = all[n*len(all)/most]
	}
	return some
}

// Points are the numbers of 1 to last that a test plays, as Some picks them.
func Points(last, most int) []int {
	all := make([]int, last)
	for n := range all {
		all[n] = n + 1
	}
	return Some(all, most)
}
