package sweep

import (
	"slices"
	"time"

	"pgrotator/rotator/account"
)

// seen is the activity that open sessions show. A session that the last run saw and that is gone now ended somewhere in between,
// and log_disconnections, by which the log would tell when, is off by default: the role counts as active until now. Where this run
// cannot look everywhere the session may still be open there, so that the same is asked again by the next run.
func (e *evidence) seen(accounts []account.Account, sessions map[string]int) []account.Activity {
	var list []account.Activity
	for _, a := range accounts {
		switch {
		case sessions[a.Name] > 0:
			list = append(list, account.Activity{Role: a.Name, At: e.start})
		case a.Tracked && e.wasRun(a.LastLogin):
			list = append(list, account.Activity{Role: a.Name, At: e.endOfSession()})
		}
	}
	return list
}

// endOfSession is when sessions that are gone may have ended. Only the time of a run itself says that one was open.
func (e *evidence) endOfSession() time.Time {
	if e.unseen || slices.ContainsFunc(e.instances, func(i *instance) bool { return i.live && i.sighting.fault != nil }) {
		return e.start
	}
	return e.start.Add(-time.Millisecond)
}

// wasRun reports that the last run began at t: each run notes its start with the instances, also one that RDS does not tell them.
func (e *evidence) wasRun(t time.Time) bool {
	return slices.ContainsFunc(e.instances, func(i *instance) bool { return !i.CanaryAt.IsZero() && i.CanaryAt.Equal(t) })
}

// active is the activity that the log has shown since the last call, no later than the run's start.
func (e *evidence) active(f *fold) []account.Activity {
	var list []account.Activity
	for name, at := range f.take() {
		t := time.UnixMilli(at).UTC()
		if t.After(e.start) {
			t = e.start.Add(-time.Millisecond)
		}
		list = append(list, account.Activity{Role: name, At: t})
	}
	return list
}
