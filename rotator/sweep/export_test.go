package sweep

import "pgrotator/rotator/logread"

// Paced has requests be sent at a pace that is not the Region's.
func (s *Sweep) Paced(p logread.Pace) *Sweep {
	s.pace = p
	return s
}

// Unpaced lifts the pace of requests: the stand-in has no quota unless a test gives it one.
func (s *Sweep) Unpaced() *Sweep { return s.Paced(logread.Pace{First: 1000, Most: 1000}) }
