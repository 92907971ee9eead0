package sweep

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgrotator/rotator/account"
)

// canaryPrefix begins the application_name of the sweep's own sessions, lostPrefix what is kept of one that was not logged: when it
// was made.
const (
	canaryPrefix = "pgrotator-sweep-"
	lostPrefix   = "lost-"
	nonceBytes   = 6
)

// newCanary makes an application_name that no other login has. It says when it was made, since the table keeps a time for the
// newest canary only.
func newCanary(now time.Time) string {
	var nonce [nonceBytes]byte
	rand.Read(nonce[:])
	return canaryPrefix + base36(now) + "-" + hex.EncodeToString(nonce[:])
}

func base36(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 36) }

// fromBase36 is zero for a text of another make; no run was before 2001, 1e12 ms after 1970.
func fromBase36(text string) time.Time {
	ms, err := strconv.ParseInt(text, 36, 64)
	if err != nil || ms < 1e12 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// canaryTime is when a canary was made, by the function's clock; zero if the sweep did not make the text.
func canaryTime(canary string) time.Time {
	rest, ours := strings.CutPrefix(canary, canaryPrefix)
	text, nonce, _ := strings.Cut(rest, "-")
	if !ours || len(nonce) != 2*nonceBytes {
		return time.Time{}
	}
	return fromBase36(text)
}

// lostTime is the time that a mark of a lost canary gives; zero if the text is none.
func lostTime(mark string) time.Time {
	text, ours := strings.CutPrefix(mark, lostPrefix)
	if !ours {
		return time.Time{}
	}
	return fromBase36(text)
}

// made is when a canary of an instance was made. One that the sweep did not make counts from the time that the table gives; zero =
// it gives none.
func (i *instance) made(canary string) time.Time {
	if t := canaryTime(canary); !t.IsZero() {
		return t
	}
	return i.CanaryAt
}

// seenAt is when an instance was last seen alive; zero = it is gone, and its log was read to the end. While a
// run cannot look everywhere it may be alive.
func (e *evidence) seenAt(i *instance) time.Time {
	switch {
	case i.live, e.unseen && !i.CanaryAt.IsZero():
		return e.start
	case len(i.pending) == 0 && i.read && e.start.After(i.CanaryAt.Add(i.patience)):
		return time.Time{}
	}
	return i.CanaryAt
}

// joined lists since when a canary was lost, this run's own, and those of earlier runs, as the table holds them.
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

// settled are the records to store once the run has acted on the canaries that were lost; nil = none was. Until then the table
// says since when, so that what rested on them is undone by a later run where this one dies or only watches.
func (e *evidence) settled() []account.LogRecord {
	var records []account.LogRecord
	for _, i := range e.instances {
		if !i.lost.IsZero() {
			i.lost = time.Time{}
			i.Canary = joined(i.sighting.canary, i.pending, i.lost)
			records = append(records, i.LogRecord)
		}
	}
	return records
}

// distrust notes that some log had stopped at a time, unnoticed.
func (e *evidence) distrust(since time.Time) { e.doubted = earlier(e.doubted, since) }

// judgeCanaries looks for the sweep's own logins of earlier runs. One that is missing though later lines are there was not
// logged: then nobody can tell who else was not, and the record begins anew.
func (e *evidence) judgeCanaries(i *instance) {
	if i.live && len(i.pending) == 0 {
		e.doubt("Instance %s is watched since this run: roles are judged once this run's own login is found in its log.", i.Instance)
	}
	var missing []string
	anew := false
	for _, canary := range i.pending {
		switch made := i.made(canary); {
		case i.log.canaries[canary]:
			i.CanarySeenAt = later(i.CanarySeenAt, made)
		case !made.IsZero() && e.isLost(i, made):
			i.lost, anew = earlier(i.lost, made), true
		default:
			missing = append(missing, canary)
		}
	}
	i.pending = missing
	e.distrust(i.lost)
	e.doubtCanaries(i, anew)
}

// doubtCanaries lets the record begin anew once for a canary that was lost.
func (e *evidence) doubtCanaries(i *instance, anew bool) {
	if anew {
		i.EvidenceFrom = later(i.EvidenceFrom, e.start)
	}
	if anew && !i.gap {
		e.doubt("The sweep's own login of an earlier run is not in the log of instance %s, though later lines are: log_connections was off, the log was not exported, or its format (log_line_prefix, log_min_messages) was another. Nobody can tell who else was not logged: time counts as idle only from %s on.",
			i.Instance, e.start.Format(time.RFC3339))
	}
	if len(i.pending) > 0 {
		e.doubt("The sweep's own login of %s has not arrived in the log of instance %s yet, which is read up to %s: is the export of its PostgreSQL log to CloudWatch Logs on, and log_connections?",
			i.made(i.pending[len(i.pending)-1]).Format(time.RFC3339), i.Instance, i.ProcessedTo.Format(time.RFC3339))
	}
}

// maxPending bounds the canaries that are waited for.
const maxPending = 100

// goneAfter is how long the last lines of an instance that is gone are waited for, from when it was last seen; at most half of the
// time that its group keeps them.
const goneAfter = 2 * day

// isLost reports that a login made at a time should have been found by now: a log arrives in order, and later lines are there. Of
// an instance that is gone no later lines come.
func (e *evidence) isLost(i *instance, made time.Time) bool {
	late := e.options.Lag + maxSkew + reread
	overtaken := time.UnixMilli(i.log.newest).After(made.Add(late))
	ended := !i.live && i.read && e.start.After(i.CanaryAt.Add(late+i.patience))
	return overtaken || ended || len(i.pending) > maxPending
}
