package sweep

import "pgrotator/rotator/logread"

// Unpaced lifts the pace of requests: the stand-in has no quota unless a test gives it one.
func (s *Sweep) Unpaced() *Sweep {
	s.pace = logread.Pace{First: 1000, Most: 1000}
	return s
}
