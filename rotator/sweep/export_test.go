package sweep

// Unpaced lifts the pace of requests: the stand-in has no quota unless a test gives it one.
func (s *Sweep) Unpaced() *Sweep {
	s.pace = 0
	return s
}
