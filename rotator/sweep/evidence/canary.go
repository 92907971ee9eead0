package evidence

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/loginlog"
)

// CanaryPrefix begins the application_name of the sweep's own logins, lostPrefix what is kept of a log that cannot be vouched for:
// since when.
const (
	CanaryPrefix = "pgrotator-sweep-"
	lostPrefix   = "lost-"
	nonceBytes   = 6
)

// NewCanary makes an application_name that no other login has. It says when it was made, since the table keeps a time for the
// newest canary only.
func NewCanary(now time.Time) string {
	var nonce [nonceBytes]byte
	rand.Read(nonce[:])
	return CanaryPrefix + base36(now) + "-" + hex.EncodeToString(nonce[:])
}

func base36(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 36) }

// fromBase36 is zero for a text of another make; no run was before 2001, 1e12 ms after 1970.
func fromBase36(text string) time.Time {
	ms, err := strconv.ParseInt(text, 36, 64)
	if err != nil || ms < 1e12 {
		return time.Time{}
	}
	return milli(ms)
}

// canaryTime is when a canary was made, by the function's clock; zero if the sweep did not make the text.
func canaryTime(canary string) time.Time {
	rest, ours := strings.CutPrefix(canary, CanaryPrefix)
	text, nonce, _ := strings.Cut(rest, "-")
	if !ours || len(nonce) != 2*nonceBytes {
		return time.Time{}
	}
	return fromBase36(text)
}

// lostTime is the time that a mark of a lost log gives; zero if the text is none.
func lostTime(mark string) time.Time {
	text, ours := strings.CutPrefix(mark, lostPrefix)
	if !ours {
		return time.Time{}
	}
	return fromBase36(text)
}

// made is when a canary of an instance was made. One that the sweep did not make counts from the time that the table gives; zero =
// it gives none.
func (i *Instance) made(canary string) time.Time {
	if t := canaryTime(canary); !t.IsZero() {
		return t
	}
	return i.CanaryAt
}

// seenAt is when an instance was last seen alive; zero = it is gone, and its log was read to the end. While a run cannot look everywhere
// it may be alive.
func (e *Evidence) seenAt(i *Instance) time.Time {
	switch {
	case i.Live, e.mayLive(i):
		return e.Start
	case i.log.wroteSince(i.CanaryAt):
		return lastAlive(i.log)
	case len(i.pending) == 0 && i.read && e.silent(i):
		return time.Time{}
	}
	return i.CanaryAt
}

// lastAlive is when a log shows that its instance was there; no run began then, and no activity is of that time.
func lastAlive(log *instanceLog) time.Time { return milli(log.newest + 1) }

// mayLive reports an instance that this run cannot tell to be gone, and the run before had not found gone.
func (e *Evidence) mayLive(i *Instance) bool {
	return e.unseen && !i.CanaryAt.IsZero() && !i.CanaryAt.Before(e.lastRun)
}

// joined lists since when a log cannot be vouched for, this run's own canary, and those of earlier runs, as the table holds them.
func joined(own string, pending []string, lost time.Time) string {
	var list []string
	if !lost.IsZero() {
		list = append(list, lostPrefix+base36(lost))
	}
	if own != "" {
		list = append(list, own)
	}
	return strings.Join(slices.Concat(list, pending), " ")
}

// parted undoes joined. A text that the sweep did not write is taken whole, whatever is in it.
func parted(column string) (pending []string, lost time.Time) {
	for column != "" {
		text, rest, _ := strings.Cut(column, " ")
		switch since := lostTime(text); {
		case !since.IsZero():
			lost = since
		case canaryTime(text).IsZero():
			return append(pending, column), lost
		default:
			pending = append(pending, text)
		}
		column = rest
	}
	return pending, lost
}

// judgeCanaries looks for the sweep's own logins of earlier runs. One that is missing though every stream has gone beyond it was not
// logged: then nobody can tell who else was not, and the record begins anew.
func (e *Evidence) judgeCanaries(i *Instance) {
	if i.Live && len(i.pending) == 0 && !i.loggedFromBirth() {
		e.Doubt("Instance %s is watched since this run: roles are judged once this run's own login is found in its log.", i.Instance)
	}
	var missing []string
	proof := i.CanarySeenAt
	var lost time.Time
	for _, canary := range slices.Backward(i.pending) { // the oldest first
		switch made := i.made(canary); {
		case i.log.canaries[canary]:
			i.CanarySeenAt = later(i.CanarySeenAt, made)
		case !made.IsZero() && e.isLost(i, made):
			lost = earlier(lost, made)
		default:
			missing = append([]string{canary}, missing...)
		}
	}
	i.pending = missing
	if !lost.IsZero() {
		e.lose(i, lost, proof)
	}
	e.distrust(i.lost)
	if len(i.pending) > 0 {
		e.Doubt("The sweep's own login of %s has not arrived in the log of instance %s yet, which is read up to %s: is the export of its PostgreSQL log to CloudWatch Logs on, and log_connections?",
			i.made(i.pending[len(i.pending)-1]).Format(time.RFC3339), i.Instance, i.ProcessedTo.Format(time.RFC3339))
	}
}

// loggedFromBirth reports an instance made since the last run whose log needs no earlier login of the sweep to vouch for it: it holds
// the server's start, and the settings that this run has found good have not been reloaded since.
func (i *Instance) loggedFromBirth() bool {
	look := i.Sighting.Look
	if !i.born || !look.Good || look.Loaded.After(look.Started.Add(entrySlack)) {
		return false
	}
	return len(i.log.pidsNear(look.Started, loginlog.Starting)) > 0
}

// lose lets the record begin anew for a canary of a time that was not logged; proof is the last one that was.
func (e *Evidence) lose(i *Instance, made, proof time.Time) {
	i.lost = earlier(i.lost, made)
	i.EvidenceFrom = later(i.EvidenceFrom, e.Start)
	if !i.expiredTo.IsZero() {
		return // told already
	}
	if proof.IsZero() {
		proof = made
	}
	e.Gaps = append(e.Gaps, Gap{i.Instance, proof, e.Start, "the sweep's own login of " + made.Format(time.RFC3339) + " is not in the log"})
	e.Doubt("The sweep's own login of an earlier run is not in the log of instance %s, though later lines are: log_connections was off, the log was not exported, or its format (log_line_prefix, log_min_messages) was another. Nobody can tell who else was not logged: time counts as idle only from %s on.",
		i.Instance, e.Start.Format(time.RFC3339))
}

const (
	// maxPending bounds the canaries that are waited for.
	maxPending = 100
	// goneAfter is how long the sweep's own login is waited for in the log of an instance that is gone, from when that was last seen, at most
	// half of the time that its group keeps its lines; and how lately one that no run has seen must have written to be read on.
	goneAfter = 2 * day
	// lostAfter is how long a stream that lags is waited for: a day more than what is read again.
	lostAfter = 5 * day
)

// isLost reports that a login made at a time should have been found by now: every stream has gone beyond it. Of an instance that is
// gone no later lines come.
func (e *Evidence) isLost(i *Instance, made time.Time) bool {
	return e.ended(i) || len(i.pending) > maxPending || i.log.newest != 0 && e.passed(i, made.Add(maxSkew))
}

// Settled are the records to store once the run has acted on what was lost, and forgets that. Until then the table says since when, so
// that what rested on it is undone by a later run where this one dies or only watches, which must not ask.
func (e *Evidence) Settled() []account.LogRecord {
	var records []account.LogRecord
	for _, i := range e.Instances {
		if !i.lost.IsZero() {
			i.lost = time.Time{}
			records = append(records, i.record())
		}
	}
	return records
}

// silent reports that an instance that is gone was last seen so long ago that its last lines have arrived: as long as a stream of one that
// lives is waited for, since none of its own goes on to show how late it is.
func (e *Evidence) silent(i *Instance) bool {
	return e.Start.After(i.CanaryAt.Add(min(maxReread, i.patience)))
}

// ended reports that an instance is gone, and that no more of its log is to come.
func (e *Evidence) ended(i *Instance) bool {
	return !i.Live && i.read && e.Start.After(i.CanaryAt.Add(e.allowance(i)+maxSkew+min(goneAfter, i.patience)))
}
