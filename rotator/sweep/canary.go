package sweep

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgrotator/rotator/role"
)

// canaryPrefix begins the application_name of the sweep's own sessions.
const canaryPrefix = "pgrotator-sweep-"

// newCanary makes an application_name that no other login has. It says when it was made, since the table keeps a time for the
// newest canary only.
func newCanary(now time.Time) string {
	var nonce [6]byte
	rand.Read(nonce[:])
	return canaryPrefix + strconv.FormatInt(now.UnixMilli(), 36) + "-" + hex.EncodeToString(nonce[:])
}

// canaryTime is when a canary was made, by the function's clock; zero if the text is no canary.
func canaryTime(canary string) time.Time {
	text, _, _ := strings.Cut(strings.TrimPrefix(canary, canaryPrefix), "-")
	ms, err := strconv.ParseInt(text, 36, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// seenAt is when an instance was last seen alive; zero = it is gone, and its log was read to the end.
func (e *evidence) seenAt(i *instance) time.Time {
	switch {
	case i.sighting.canary != "":
		return i.sighting.at
	case i.live:
		return e.start
	case len(i.pending) == 0 && i.read && e.start.After(i.CanaryAt.Add(goneAfter)):
		return time.Time{}
	}
	return i.CanaryAt
}

// joined lists this run's canary and those of earlier runs, as the table holds them.
func joined(own string, earlier ...[]string) string {
	list := slices.Concat(earlier...)
	if own != "" {
		list = slices.Insert(list, 0, own)
	}
	return strings.Join(list, " ")
}

// settled are the records to store once the run has acted on the canaries that were lost; nil = none was. Until then they stay
// in the table, so that a run that dies before it has undone what rested on them is made up for by the next.
func (e *evidence) settled() []role.LogRecord {
	var records []role.LogRecord
	for _, i := range e.instances {
		if len(i.lost) > 0 {
			i.lost = nil
			i.Canary = joined(i.sighting.canary, i.pending)
			records = append(records, i.LogRecord)
		}
	}
	return records
}

// judgeCanaries looks for the sweep's own logins of earlier runs. One that is missing though later lines are there was not
// logged: then nobody can tell who else was not, and the record begins anew.
func (e *evidence) judgeCanaries(i *instance) {
	if i.live && len(i.pending) == 0 {
		e.doubt("Instance %s is watched since this run: roles are judged once this run's own login is found in its log.", i.Instance)
	}
	var missing []string
	for _, canary := range i.pending {
		switch made := canaryTime(canary); {
		case i.log.canaries[canary]:
			i.CanarySeenAt = later(i.CanarySeenAt, made)
		case e.isLost(i, made):
			i.lost = append(i.lost, canary)
			if e.doubted.IsZero() || made.Before(e.doubted) {
				e.doubted = made
			}
		default:
			missing = append(missing, canary)
		}
	}
	i.pending = missing
	e.doubtCanaries(i)
}

func (e *evidence) doubtCanaries(i *instance) {
	if len(i.lost) > 0 {
		i.EvidenceFrom = later(i.EvidenceFrom, e.start)
	}
	if len(i.lost) > 0 && !i.gap {
		e.doubt("The sweep's own login of an earlier run is not in the log of instance %s, though later lines are: log_connections was off, the log was not exported, or its format (log_line_prefix, log_min_messages) was another. Nobody can tell who else was not logged: time counts as idle only from %s on.",
			i.Instance, e.start.Format(time.RFC3339))
	}
	if len(i.pending) > 0 {
		e.doubt("The sweep's own login of %s has not arrived in the log of instance %s yet, which is read up to %s: is the export of its PostgreSQL log to CloudWatch Logs on, and log_connections?",
			canaryTime(i.pending[len(i.pending)-1]).Format(time.RFC3339), i.Instance, i.ProcessedTo.Format(time.RFC3339))
	}
}

// maxPending bounds the canaries that are waited for.
const maxPending = 100

// goneAfter is how long the last lines of an instance that is gone are waited for, from when it was last seen.
const goneAfter = 2 * day

// isLost reports that a login made at a time should have been found by now: a log arrives in order, and later lines are there. Of
// an instance that is gone no later lines come.
func (e *evidence) isLost(i *instance, made time.Time) bool {
	late := e.options.Lag + maxSkew + reread
	overtaken := time.UnixMilli(i.log.newest).After(made.Add(late))
	ended := !i.live && i.read && e.start.After(i.CanaryAt.Add(late+goneAfter))
	return overtaken || ended || len(i.pending) > maxPending
}
