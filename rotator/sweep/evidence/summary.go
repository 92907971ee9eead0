package evidence

import "time"

// Summary is what this run has read of an instance's log.
type Summary struct {
	Events         int
	Logins         int
	Suspicious     int
	LongestSilence time.Duration // between two events; of a log read in rows, since the last one only
	LongestDelay   time.Duration // of an event's arrival, in the last 30 days
}

// Read sums up what was read of an instance's log by a time.
func (i *Instance) Read(start time.Time) Summary {
	silence := i.log.silence
	switch {
	case i.log.last > 0:
		silence = max(silence, start.UnixMilli()-i.log.last)
	case !i.ReadFrom.IsZero():
		silence = start.Sub(i.ReadFrom).Milliseconds()
	}
	return Summary{Events: i.log.events, Logins: i.log.logins, Suspicious: i.log.suspicious,
		LongestSilence: time.Duration(max(0, silence)) * time.Millisecond, LongestDelay: i.longestDelay()}
}

// Unread counts the entries that could not be read, or are of no known kind, by their shape.
func (i *Instance) Unread() map[string]int {
	all := map[string]int{}
	for _, shapes := range []map[string]int{i.log.unread, i.log.told, i.unread} {
		for shape, count := range shapes {
			all[shape] += count
		}
	}
	return all
}
