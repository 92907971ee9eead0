package check

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

const day = 24 * time.Hour

// interval is the longest after which a sweep closes a role; 0 = it closes none.
func (c *Check) interval(s subject) time.Duration {
	terms, _ := c.terms(s)
	return time.Duration(max(terms.LockDays, terms.DeleteDays)) * day
}

// cover tells how far back the second reading of each log group reaches, or will, and until when that must grow before anybody is closed.
func (c *Check) cover(ctx context.Context, l *list, s subject, found cluster.Cluster, records []account.LogRecord) {
	interval := c.interval(s)
	var told []string
	for _, i := range found.Instances {
		if slices.Contains(told, i.Group) {
			continue
		}
		told = append(told, i.Group)
		from, detail := covered(i.Group, records)
		if from.IsZero() {
			group, err := logread.Describe(ctx, c.logs, i.Group)
			if err != nil {
				continue // that is told already
			}
			from, detail = coverable(group, records)
		}
		if grown := from.Add(interval); time.Now().Before(grown) {
			l.advise("second reading", detail, fmt.Sprintf("Nobody idle for %[1]d days is closed before %[2]s: its cover has to grow first. Let the log group keep events for %[1]d days at least.",
				int(interval/day), grown.Format(time.RFC3339)))
			continue
		}
		l.pass("second reading", detail)
	}
}

// covered is since when a group's log is covered of all its instances; zero = nothing is.
func covered(group string, records []account.LogRecord) (from time.Time, detail string) {
	var to time.Time
	for _, r := range records {
		if c := evidence.CoverOf(r); c.Group == group && c.From.After(from) {
			from, to = c.From, c.To
		}
	}
	return from, fmt.Sprintf("the second reading of log group %s covers %s to %s", group, from.Format(time.RFC3339), to.Format(time.RFC3339))
}

// coverable is since when a group's log can be covered at best, as long as nothing is: not before the group was made, nor for longer than it
// keeps events, nor before the evidence begins.
func coverable(group logread.Group, records []account.LogRecord) (from time.Time, detail string) {
	now := time.Now().UTC()
	from = now.Add(-day) // a first sweep reads so far back
	if len(records) > 0 {
		from = time.Time{}
	}
	if group.Retention > 0 && from.Before(now.Add(-group.Retention)) {
		from = now.Add(-group.Retention)
	}
	for _, r := range records {
		if r.EvidenceFrom.After(from) {
			from = r.EvidenceFrom
		}
	}
	if group.Created.After(from) {
		from = group.Created
	}
	return from, fmt.Sprintf("the second reading of log group %s, which was made at %s and keeps events %s, has covered nothing yet, and can reach back to %s at most",
		group.Name, group.Created.Format(time.RFC3339), kept(group.Retention), from.Format(time.RFC3339))
}
