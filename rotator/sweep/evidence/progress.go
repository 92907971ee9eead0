package evidence

import (
	"maps"
	"slices"
	"time"

	"pgrotator/rotator/account"
)

// Progress is what to store before and while reading. The log counts as read up to the newest event seen in it, never further: a
// log that is silent or late does not advance.
func (e *Evidence) Progress() []account.LogRecord {
	var records []account.LogRecord
	for _, i := range e.Instances {
		now := *i
		now.streams = copied(i.streams)
		e.follow(&now)
		now.ProcessedTo = e.advance(&now)
		now.CanaryAt = e.seenAt(i)
		// One that is found is noted at once: a run that goes on from here does not read it again.
		now.pending = slices.DeleteFunc(slices.Clone(i.pending), func(canary string) bool { return i.log.canaries[canary] })
		now.witnesses.Looks = slices.Clone(i.witnesses.Looks)
		now.findEntries(func(time.Time) bool { return false })
		now.LogRecord.StartedAt, now.LogRecord.ConfLoadedAt = i.StartedAt, i.ConfLoadedAt
		records = append(records, now.record())
	}
	return records
}

func copied(streams map[string]*stream) map[string]*stream {
	list := make(map[string]*stream, len(streams))
	for name, s := range streams {
		list[name] = &stream{To: s.To, Delays: maps.Clone(s.Delays)}
	}
	return list
}

// Seen is the activity that open sessions show. A session that the last run saw and that is gone now ended somewhere in between,
// and log_disconnections, by which the log would tell when, is off by default: the role counts as active until now. Where this run
// cannot look everywhere the session may still be open there, so that the same is asked again by the next run.
func (e *Evidence) Seen(accounts []account.Account, sessions map[string]int) []account.Activity {
	var list []account.Activity
	for _, a := range accounts {
		at := e.Start
		switch {
		case sessions[a.Name] > 0:
		case a.Tracked && (e.wasRun(a.LastLogin) || a.Source == BySession && !e.anyRun()):
			at = e.endOfSession()
		default:
			continue
		}
		list = append(list, account.Activity{Role: a.Name, At: at, Source: BySession})
	}
	return list
}

// endOfSession is when sessions that are gone may have ended. Only the time of a run itself says that one was open.
func (e *Evidence) endOfSession() time.Time {
	if e.unseen || slices.ContainsFunc(e.Instances, func(i *Instance) bool { return i.Live && i.Sighting.Fault != nil }) {
		return e.Start
	}
	return e.Start.Add(-time.Millisecond)
}

// wasRun reports that the last run began at t: each run notes its start with the instances, also one that RDS does not tell them.
func (e *Evidence) wasRun(t time.Time) bool {
	return slices.ContainsFunc(e.Instances, func(i *Instance) bool { return !i.CanaryAt.IsZero() && i.CanaryAt.Equal(t) })
}

// anyRun reports that an earlier run has noted its start. One that RDS told no instance before any was known has not.
func (e *Evidence) anyRun() bool {
	return slices.ContainsFunc(e.Instances, func(i *Instance) bool { return !i.fresh })
}

// Active is the activity that the log has shown since the last call, no later than the run's start.
func (e *Evidence) Active() []account.Activity {
	list := e.log.Take()
	for n, a := range list {
		if a.At.After(e.Start) {
			list[n].At = e.Start.Add(-time.Millisecond)
			if !a.Began.IsZero() {
				list[n].Began = earlier(a.Began, list[n].At)
			}
		}
	}
	return list
}
