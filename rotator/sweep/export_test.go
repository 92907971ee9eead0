package sweep

import (
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// Paced has requests be sent at a pace that is not the Region's.
func (s *Sweep) Paced(p logread.Pace) *Sweep {
	s.pace = p
	return s
}

// Unpaced lifts the pace of requests: the stand-in has no quota unless a test gives it one.
func (s *Sweep) Unpaced() *Sweep { return s.Paced(logread.Pace{First: 1000, Most: 1000}) }

// Impatient has the second reading find that whatever it reads whole takes too long.
func (s *Sweep) Impatient() *Sweep {
	s.wholeTakes = 1
	return s
}

// StoredName is the application_name by which a run with these options, in a database, says that it has committed.
func StoredName(o Options, database string, number int64) string {
	return evidence.StoredName(o.stack(database), number)
}
