package evidence

import (
	"encoding/json"
	"time"

	"pgrotator/rotator/account"
)

// stream is one log stream as the table remembers it.
type stream struct {
	To     time.Time           `json:"to"`               // its newest event that was read
	Delays map[string]duration `json:"delays,omitempty"` // the longest time an event took to arrive, by the day of the run
}

// duration is written as Go writes it: "20m0s".
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

const (
	wroteWithin  = 4 * day  // a stream that is silent for longer holds nothing up
	delaysKept   = 30 * day // how long a delay that was measured is reckoned with
	dayOfTheYear = time.DateOnly
)

// storedStreams is the column streams:
// {"streams":{NAME:{"to","delays"}},"second":{"group","version","from","to"},"bytesPerHour"}.
type storedStreams struct {
	Streams      map[string]*stream `json:"streams,omitempty"`
	Second       Cover              `json:"second"`
	BytesPerHour float64            `json:"bytesPerHour,omitempty"` // of the instance's group
}

// decodeStreams takes a column that it cannot read for an empty one: then nothing is known of the streams, and nothing covered.
func decodeStreams(column string) storedStreams {
	var s storedStreams
	if column == "" || json.Unmarshal([]byte(column), &s) != nil {
		return storedStreams{Streams: map[string]*stream{}}
	}
	if s.Streams == nil {
		s.Streams = map[string]*stream{}
	}
	for name, known := range s.Streams {
		if known == nil {
			delete(s.Streams, name)
		}
	}
	return s
}

func (s storedStreams) encode() string {
	text, err := json.Marshal(s)
	if err != nil {
		return "" // times, numbers and strings: nothing here fails to encode
	}
	return string(text)
}

// wrote reports that a stream wrote lately, so that it must be waited for.
func (e *Evidence) wrote(s *stream) bool { return s.To.After(e.Start.Add(-wroteWithin)) }

// longestDelay is how long an event of an instance took to arrive, at most, in the last 30 days, this run's included.
func (i *Instance) longestDelay() time.Duration {
	var longest time.Duration
	for _, s := range i.streams {
		for _, d := range s.Delays {
			longest = max(longest, time.Duration(d))
		}
	}
	if i.log != nil {
		longest = max(longest, time.Duration(i.log.delay)*time.Millisecond)
	}
	return longest
}

// allowance is how much later than others an event of an instance may come: what is younger is read again, and its absence
// proves nothing.
func (e *Evidence) allowance(i *Instance) time.Duration {
	return reread + min(max(e.options.Lag, 2*i.longestDelay()), maxReread)
}

// resume is from where an instance's log must be read by the next run: from the earliest of its streams that write, less what may
// come late.
func (e *Evidence) resume(i *Instance) time.Time {
	from := i.ProcessedTo
	for _, s := range i.streams {
		if e.wrote(s) {
			from = earlier(from, s.To)
		}
	}
	return from.Add(-e.allowance(i)).Truncate(time.Second)
}

// readOn is from where an instance's log is read on: never after what the count of logins has taken in, nor after the last look at
// it, since the entries of what the next look shows may have been read by a run that could not look; nor after a look whose next one shows
// what is not found yet, since the run that looked may not have read.
func (e *Evidence) readOn(i *Instance) time.Time {
	from := e.resume(i)
	looks := i.witnesses.Looks
	for n, look := range looks {
		if n == len(looks)-1 || looks[n+1].unfound(look) {
			from = earlier(from, later(look.At, e.Start.Add(-maxReread)).Add(-reread).Truncate(time.Second))
		}
		if !look.CountedTo.IsZero() {
			from = earlier(from, look.CountedTo)
		}
	}
	return from
}

// TailFrom is from where a log is read again before anything is done: what came since the run began, and what came late.
func (e *Evidence) TailFrom() time.Time {
	return e.Start.Add(-reread - e.options.Lag).Truncate(time.Second)
}

// advance is up to where an instance's log is read: the earliest of its streams that wrote lately, as this run's reading goes, at most
// the run's start less the lag. A log that is silent, late or was not read does not advance, and nothing goes back.
func (e *Evidence) advance(i *Instance) time.Time {
	if i.log.newest == 0 {
		return i.ProcessedTo
	}
	var to time.Time
	lately := milli(i.log.newest).Add(-wroteWithin)
	for _, s := range i.streams {
		if s.To.After(lately) {
			to = earlier(to, s.To)
		}
	}
	if latest := e.Start.Add(-e.options.Lag); to.After(latest) {
		to = latest
	}
	return later(i.ProcessedTo, to)
}

// follow brings an instance's streams up to date with what this run has read, but for logins that wait for their refusal: those
// are read again.
func (e *Evidence) follow(i *Instance) {
	limit := i.log.oldestWaiting()
	today := e.Start.Format(dayOfTheYear)
	oldest := e.Start.Add(-delaysKept).Format(dayOfTheYear)
	for name, read := range i.log.streams {
		if read.newest == 0 {
			continue
		}
		s := i.streams[name]
		if s == nil {
			s = &stream{}
			i.streams[name] = s
		}
		to := read.newest
		if limit > 0 {
			to = min(to, limit)
		}
		s.To = later(s.To, milli(to))
		if delay := time.Duration(read.delay) * time.Millisecond; delay > 0 {
			if s.Delays == nil {
				s.Delays = map[string]duration{}
			}
			s.Delays[today] = max(s.Delays[today], duration(delay))
		}
	}
	for name, s := range i.streams {
		for at := range s.Delays {
			if at < oldest {
				delete(s.Delays, at)
			}
		}
		if len(s.Delays) == 0 && !s.To.After(e.Start.Add(-delaysKept)) {
			delete(i.streams, name)
		}
	}
}

// passed reports that every stream of an instance has gone so far beyond a time that an event of that time is not to come any
// more. Of one that has no stream left that writes, five days pass.
func (e *Evidence) passed(i *Instance, t time.Time) bool {
	if e.Start.After(t.Add(lostAfter)) {
		return true
	}
	limit, writes := t.Add(e.allowance(i)), false
	for _, s := range i.streams {
		if !e.wrote(s) {
			continue
		}
		writes = true
		if s.To.Before(limit) {
			return false
		}
	}
	return writes
}

// record is an instance's row as it is to be stored.
func (i *Instance) record() account.LogRecord {
	r := i.LogRecord
	r.Canary = joined(i.Sighting.Canary, i.pending, i.lost)
	r.Streams = storedStreams{Streams: i.streams, Second: i.cover, BytesPerHour: i.rate}.encode()
	r.Sessions = i.witnesses.encode()
	return r
}

// Expected is how many bytes a stretch of a group holds, by what earlier runs have read of it, else by a guess.
func (e *Evidence) Expected(group string, stretch time.Duration, guess int64) int64 {
	for _, i := range e.Instances {
		if i.Group == group && i.rate > 0 {
			return int64(i.rate * stretch.Hours())
		}
	}
	return guess
}

// measuredOver is the shortest stretch that tells how much a log holds.
const measuredOver = time.Hour

// Measured notes how many bytes a stretch of a group held.
func (e *Evidence) Measured(group string, bytes int64, stretch time.Duration) {
	for _, i := range e.Instances {
		if i.Group == group && stretch >= measuredOver {
			i.rate = float64(bytes) / stretch.Hours()
		}
	}
}
