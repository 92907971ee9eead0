package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/loginlog"
)

// serverEntry is an entry of the server's own that continuity rests on.
type serverEntry struct {
	at     time.Time
	before time.Time // when the event before it was written; zero = there was none
	pid    int
	entry  loginlog.ServerEntry
	name   string // of a setting that was changed or reset, or of which it is not clear what is said
	value  string
}

// entrySlack is how far the time of an entry may be from the time that a look tells.
const entrySlack = 2 * time.Second

func (in *instanceLog) server(e loginlog.Event, at int64) {
	unclear, speaks := account.HidingSettingIn(e.Text)
	if e.Server == loginlog.NoServerEntry && !speaks || !in.admits(e, milli(at)) {
		return
	}
	entry := serverEntry{at: milli(at), pid: e.Session.PID, entry: e.Server, name: cmp.Or(unclear.Name, strings.Clone(e.Parameter)), value: strings.Clone(e.Value)}
	if in.counting && in.previous != 0 && in.previous <= at {
		entry.before = milli(in.previous)
	}
	in.entries = append(in.entries, entry)
}

// admits bounds what is kept of entries that any role can write, however often and by however many processes: those of the
// postmaster, known or telling of a start or a reload that a look has seen, are kept whatever came before them.
func (in *instanceLog) admits(e loginlog.Event, at time.Time) bool {
	pid := e.Session.PID
	if in.tellsOfLook(e.Server, at) {
		in.postmasters[pid] = true
	}
	if in.written[pid] >= maxEntriesOfOne || len(in.entries) >= maxEntries && !in.postmasters[pid] {
		return false
	}
	in.written[pid]++
	return true
}

// tellsOfLook reports an entry of a kind that is to be expected of the postmaster at about that time.
func (in *instanceLog) tellsOfLook(kind loginlog.ServerEntry, at time.Time) bool {
	return slices.ContainsFunc(in.looks, func(look Look) bool {
		return kind == loginlog.Starting && at.Sub(look.Started).Abs() <= entrySlack ||
			kind == loginlog.ReloadRequested && at.Sub(look.Loaded).Abs() <= entrySlack
	})
}

// pidsNear lists the processes that wrote an entry of a kind near a time.
func (in *instanceLog) pidsNear(t time.Time, kind loginlog.ServerEntry) []int {
	var pids []int
	for _, s := range in.entries {
		if s.entry == kind && s.at.Sub(t).Abs() <= entrySlack {
			pids = append(pids, s.pid)
		}
	}
	return pids
}

// heldOneOf reports that the start or the reload that a look tells of is in the log under one of some process ids.
func (in *instanceLog) heldOneOf(pids []int, look Look) bool {
	near := append(in.pidsNear(look.Started, loginlog.Starting), in.pidsNear(look.Loaded, loginlog.ReloadRequested)...)
	return slices.ContainsFunc(near, func(pid int) bool { return slices.Contains(pids, pid) })
}

// ready reports the entry in which the postmaster says, after the start that a look tells of, that connections are accepted.
func (in *instanceLog) ready(look Look, postmaster []int) bool {
	return slices.ContainsFunc(in.entries, func(s serverEntry) bool {
		return s.entry == loginlog.Ready && slices.Contains(postmaster, s.pid) && !s.at.Before(look.Started.Add(-entrySlack)) && !s.at.After(look.At.Add(entrySlack))
	})
}

// judgeContinuity holds each instance's log against what the looks at the instance told.
func (e *Evidence) judgeContinuity() {
	for _, i := range e.Instances {
		i.findEntries(func(at time.Time) bool { return e.passed(i, at) || e.ended(i) })
	}
	for _, i := range e.Instances {
		e.shareEntries(i)
		e.judgeSettings(i)
		e.judgeRestarts(i)
	}
	for _, live := range []bool{false, true} { // the former name's log before that of the new one, to which it hands over
		for _, i := range e.Instances {
			if i.Live == live {
				e.judgeLooks(i)
			}
		}
	}
}

// findEntries notes which looks' reloads and restarts the log holds, and whose process id the postmaster's is. The entries may come
// in a run before the one that judges them. passed reports that nothing of a time is to come any more.
func (i *Instance) findEntries(passed func(time.Time) bool) {
	for n := range i.witnesses.Looks {
		look := &i.witnesses.Looks[n]
		look.Starting = i.find(look.Started, loginlog.Starting, true) || look.Starting
		look.Ready = i.log.ready(*look, i.witnesses.PIDs) || look.Ready
		learns := !i.witnesses.PIDsOf.Equal(look.Started) || passed(look.At)
		look.Reload = i.find(look.Loaded, loginlog.ReloadRequested, learns) || look.Reload
		if i.log.heldOneOf(i.witnesses.PIDs, *look) {
			i.witnesses.PIDsOf = look.Started
		}
	}
}

// find reports that the log holds an entry of a kind near a time, and notes whose process id it has. Where several have it, as any role
// can write one that looks so at such a moment, those of a process id that is known already count, or all. Where the postmaster's is
// known since its start, another is learnt only once its own entry is not to come any more: it may be in a stream that is late.
func (i *Instance) find(t time.Time, kind loginlog.ServerEntry, learns bool) bool {
	pids := i.log.pidsNear(t, kind)
	if slices.ContainsFunc(pids, func(pid int) bool { return slices.Contains(i.witnesses.PIDs, pid) }) {
		return true
	}
	if !learns {
		return false
	}
	for _, pid := range pids {
		i.knowPID(pid)
	}
	return len(pids) > 0
}

// maxPIDs bounds the process ids that count as the postmaster's: the last few restarts'.
const maxPIDs = 5

func (i *Instance) knowPID(pid int) {
	if slices.Contains(i.witnesses.PIDs, pid) {
		return
	}
	i.witnesses.PIDs = append(i.witnesses.PIDs, pid)
	if extra := len(i.witnesses.PIDs) - maxPIDs; extra > 0 {
		i.witnesses.PIDs = i.witnesses.PIDs[extra:]
	}
}

// judgeLooks holds each pair of looks against the log. The earlier one is done with once nothing of before the later one is to come;
// of those that wait, too, the log must hold what they saw.
func (e *Evidence) judgeLooks(i *Instance) {
	i.tally(e.resume(i))
	if len(i.witnesses.Looks) > 1 && !i.Live && !e.blind && i.ReadFrom.IsZero() {
		i.witnesses.Looks = nil // it is gone, and its log was read to its end by an earlier run
	}
	done, heir := 0, e.heir(i)
	for n := 1; n < len(i.witnesses.Looks); n++ {
		a, b := i.witnesses.Looks[n-1], i.witnesses.Looks[n]
		passed := done == n-1 && i.witnesses.Former == "" && (e.passed(i, b.At) || e.ended(i))
		if heir != nil && b.At.Equal(heir.witnesses.Looks[1].At) {
			if passed && i.log.newest != 0 {
				heir.handOver(a, i.log.windows[n-1])
				done = n
			}
			break
		}
		e.judgeMove(i, a, b, byRestart, b.restarted(a), b.Starting && b.Ready, passed)
		e.judgeMove(i, a, b, byReload, b.reloaded(a), b.Reload, passed)
		if passed && i.log.newest != 0 && (i.log.windows[n-1].recounted != nil || !e.recountable(i, a, b)) {
			e.judgeSessions(i, a, b, i.log.windows[n-1], i.log.windows[n].nearby)
			done = n
		}
	}
	i.witnesses.Looks, i.log.windows = i.witnesses.Looks[done:], i.log.windows[done:]
}

// ProvenTo is up to when the logs of the instances that live have been held against what looks at them showed; zero = not at all.
func (e *Evidence) ProvenTo() time.Time {
	var to time.Time
	for _, i := range e.Instances {
		switch {
		case !i.Live:
		case len(i.witnesses.Looks) == 0:
			return time.Time{}
		default:
			to = earlier(to, i.witnesses.Looks[0].At)
		}
	}
	return to
}

// restarted and reloaded report what a look shows to have been since another.
func (b Look) restarted(since Look) bool { return moved(since.Started, b.Started) }

func (b Look) reloaded(since Look) bool {
	return moved(since.Loaded, b.Loaded) && b.Loaded.After(b.Started)
}

// unfound reports that a look shows a restart or a reload since another of which the log has not shown the entries yet.
func (b Look) unfound(since Look) bool {
	return b.restarted(since) && !(b.Starting && b.Ready) || b.reloaded(since) && !b.Reload
}

func moved(a, b time.Time) bool { return !a.IsZero() && !b.IsZero() && !a.Equal(b) }

// judgeMove asks for the entry of a restart or a reload that two looks show:
//
//	found                           the witness agrees with the log
//	still to come                   waited for
//	missing, the witness trusted    a gap between the looks
//	missing, else                   told
func (e *Evidence) judgeMove(i *Instance, a, b Look, witness string, happened, found, passed bool) {
	at := b.Loaded
	if witness == byRestart {
		at = b.Started
	}
	switch {
	case !happened:
	case found:
		i.witnesses.agree(witness)
	case !e.trusted(witness):
		if passed {
			e.Note("Instance %s tells of a %s at %s, which its log does not hold; whether logs of this cluster ever do is not known yet.", i.Instance, witness, at.Format(time.RFC3339))
		}
	case !passed:
		e.Doubt("Instance %s tells of a %s at %s, which its log does not hold yet: roles are judged once it has arrived.", i.Instance, witness, at.Format(time.RFC3339))
	default:
		e.breakBetween(i, a, b, fmt.Sprintf("the instance tells of a %s at %s, which the log does not hold", witness, at.Format(time.RFC3339)))
	}
}

// breakBetween takes in a gap between two looks, which is found out once, at times after a later gap; but where nothing of the log is there
// the same looks are held against it again.
func (e *Evidence) breakBetween(i *Instance, a, b Look, cause string) {
	g := Gap{i.Instance, a.At, b.At, cause}
	if i.log.newest == 0 {
		e.breakAt(i, g)
		return
	}
	e.found(i, g)
}

// judgeSessions asks for at least as many logins in the log as the server has counted sessions. Where entries that may be logins
// make up for what is missing there is nothing to hold against the log. nearby are the entries near the later look.
func (e *Evidence) judgeSessions(i *Instance, a, b Look, w window, nearby int64) {
	databases := growth(a, b)
	if len(databases) == 0 || a.Uncounted || a.InRows && w.recounted == nil {
		i.witnesses.Short = nil
		return
	}
	grown, logins := sum(databases), w.total
	missing := grown - logins - w.doubtful
	if missing <= 0 && !a.InRows {
		e.carry(i, shortfall{a.At, b.At, missing, nearby})
	} else {
		i.witnesses.Short = nil
	}
	switch {
	case logins >= grown:
		if grown > 0 {
			i.witnesses.agree(bySessions)
		}
	case a.InRows && missing <= tolerated: // rows count a refusal that is delivered twice for two
	case missing <= 0:
		e.Note("The server of instance %s counted %d sessions from %s to %s, and its log holds %d logins besides %d entries that may be logins, or forged: the name of an application, or of somebody who is turned away, reads as a part of the log.",
			i.Instance, grown, a.At.Format(time.RFC3339), b.At.Format(time.RFC3339), logins, w.doubtful)
	case e.trusted(bySessions):
		e.breakBetween(i, a, b, fmt.Sprintf("the server counted %d sessions, and the log holds %d logins: the export of its log stopped meanwhile, log_connections was off, or log files were deleted", grown, logins))
	default:
		e.Note("The server of instance %s counted %d sessions from %s to %s, and its log holds %d logins; whether the two ever agree on this cluster is not known yet.",
			i.Instance, grown, a.At.Format(time.RFC3339), b.At.Format(time.RFC3339), logins)
	}
}

// tally adds up the logins that this run has counted for each look. Those from next on the next run reads, and counts, again: never
// what this run has not read.
func (i *Instance) tally(next time.Time) {
	if i.log.newest == 0 {
		return
	}
	next = earlier(next, milli(i.log.newest))
	if i.log.held > 0 {
		next = earlier(next, milli(i.log.held).Truncate(time.Second))
	}
	for n := range i.witnesses.Looks {
		look, w := &i.witnesses.Looks[n], &i.log.windows[n]
		expired := i.ReadFrom.UnixMilli() > max(w.from, w.counted)
		look.Uncounted, look.InRows = look.Uncounted || expired, look.InRows || !i.log.counting
		w.logged, w.unsure = w.logins.with(look.Logins, time.Time{}), w.contested.with(look.Contested, time.Time{})
		near := w.near.with(look.Near, time.Time{})
		if n > 0 {
			near = only(near, growth(i.witnesses.Looks[n-1], *look))
		}
		if n+1 < len(i.witnesses.Looks) {
			compared := growth(*look, i.witnesses.Looks[n+1])
			near = only(near, compared)
			w.total, w.doubtful = sum(only(w.logged, compared)), sum(only(w.unsure, compared))
			if look.InRows {
				w.total, w.doubtful = sum(only(w.recounted, compared)), 0
			}
		}
		w.nearby = sum(near)
		look.Logins, look.Contested, look.Near = w.logins.with(look.Logins, next), w.contested.with(look.Contested, next), w.near.with(look.Near, next)
		look.CountedTo = later(look.CountedTo, next)
	}
}

// judgeSettings finds, in the entries of the postmaster, changes of the settings on which it depends what the log shows.
func (e *Evidence) judgeSettings(i *Instance) {
	for _, entry := range i.log.entries {
		if entry.name == "" {
			continue
		}
		setting, hides := account.HidingSetting(entry.name)
		if !hides {
			continue
		}
		if !slices.Contains(i.witnesses.PIDs, entry.pid) {
			i.log.suspicious++
			continue
		}
		from, to := e.badBetween(i, setting, entry)
		e.breakAt(i, Gap{i.Instance, from, to, fmt.Sprintf("%s was set to a value that hides logins, or back", setting.Name)})
	}
}

// badBetween is when a setting that an entry tells of was bad, at most:
//
//	set to a bad value                       from the entry to the next look that saw it good
//	set to a good value, or reset to one     from the last look that saw it good to the entry: it had another before
//	reset, where the default is bad          from one such look to the other: nobody knows what it was, nor what RDS's default is
//	spoken of in words that are not known    the same
func (e *Evidence) badBetween(i *Instance, setting account.LoggingSetting, entry serverEntry) (from, to time.Time) {
	reset, unclear := entry.entry == loginlog.ParameterReset, entry.entry == loginlog.NoServerEntry
	switch {
	case unclear:
		return i.lastGood(entry.at), i.firstGood(entry.at, e.Start)
	case reset && setting.ShowsLoginsWhenReset(), !reset && setting.ShowsLogins(entry.value):
		return i.lastGood(entry.at), entry.at
	case reset:
		return i.lastGood(entry.at), i.firstGood(entry.at, e.Start)
	}
	return entry.at, i.firstGood(entry.at, e.Start)
}

// lastGood is the last look until a time that saw the settings good, else when the record begins.
func (i *Instance) lastGood(until time.Time) time.Time {
	for _, look := range slices.Backward(i.witnesses.Looks) {
		if look.Good && !look.At.After(until) {
			return look.At
		}
	}
	return i.EvidenceFrom
}

// firstGood is when a setting that was bad since a time was seen good again: at a look, else not before this run.
func (i *Instance) firstGood(since, start time.Time) time.Time {
	for _, look := range i.witnesses.Looks {
		if look.Good && look.At.After(since) {
			return look.At
		}
	}
	return start
}

// judgeRestarts tells of restarts after which part of the log may be missing: the last lines of a server that was killed are
// shipped no more.
func (e *Evidence) judgeRestarts(i *Instance) {
	for _, entry := range i.log.entries {
		if entry.entry != loginlog.NotShutDown {
			continue
		}
		start, found := i.startBefore(entry.at)
		if found && start.before.IsZero() && !i.log.counting { // rows of the moments before it hold nothing, or were not asked
			start.before = i.lastGood(start.at)
		}
		if !found || start.before.IsZero() {
			continue
		}
		g := Gap{i.Instance, start.before, start.at, "unclean restart"}
		switch tail := start.at.Sub(start.before); {
		case tail > max(e.options.Lag, entrySlack):
			e.breakAt(i, g)
		case start.at.After(i.EvidenceFrom):
			e.Gaps = append(e.Gaps, g)
		}
	}
}

// recoveryWithin is how soon after its start a server says that it had not been shut down.
const recoveryWithin = time.Minute

// startBefore finds the last start of the server, by the postmaster, to which an entry of its recovery belongs.
func (i *Instance) startBefore(t time.Time) (last serverEntry, found bool) {
	for _, s := range i.log.entries {
		if s.entry == loginlog.Starting && slices.Contains(i.witnesses.PIDs, s.pid) && !t.Before(s.at) && t.Sub(s.at) <= recoveryWithin && !s.at.Before(last.at) {
			last, found = s, true
		}
	}
	return last, found
}
