package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/script"
	"pgrotator/rotator/sweep/evidence"
)

// The stretches that a check reads: whole events of the last minute, and rows of the last hour.
const (
	lastMinute = time.Minute
	lastHour   = time.Hour
	readWithin = 20 * time.Second
)

// logGroup looks whether a group can be read in the ways that a sweep reads it, and what hides events in it.
func (c *Check) logGroup(ctx context.Context, l *list, name string, instances []string, interval time.Duration) {
	group, err := logread.Describe(ctx, c.logs, name)
	if err != nil {
		l.fail("log group", err.Error(), "Let the function's role call logs:DescribeLogGroups on it.")
		return
	}
	if !c.readable(ctx, l, group, interval) {
		return
	}
	streamed, err := logread.Streams(ctx, c.logs, name)
	if err != nil {
		l.advise("log group", err.Error(), "Let the function's role call logs:DescribeLogStreams on it: a reader that comes and goes between two sweeps is dated by its stream.")
	}
	has := map[string]bool{}
	for stream := range streamed {
		has[cluster.InstanceOf(stream)] = true
	}
	for _, instance := range instances {
		if err == nil && !has[instance] {
			l.fail("log group", "log group "+name+" has no stream of instance "+instance, "A stream appears with the first line exported: look at the export and at log_connections.")
			return
		}
	}
	l.pass("log group", fmt.Sprintf("log group %s is readable, has a stream of each instance and keeps events %s", name, kept(group.Retention)))
}

func kept(retention time.Duration) string {
	if retention == 0 {
		return "for ever"
	}
	return fmt.Sprintf("for %d days", int(retention.Hours()/24))
}

// readable reads a group in both ways, and is false where one fails.
func (c *Check) readable(ctx context.Context, l *list, group logread.Group, interval time.Duration) bool {
	to := time.Now().Truncate(time.Second)
	if group.Protected {
		l.advise("data protection", "log group "+group.Name+" has, or had, a data protection policy: names that it masks are asterisks to whoever lacks logs:Unmask",
			"Keep the permission of the function's role to call logs:Unmask on it.")
	}
	if group.Class == types.LogGroupClassStandard {
		if err := c.readBy(ctx, logread.FilterLogEvents, group, to.Add(-lastMinute), to, logread.NewTally()); err != nil {
			l.fail("log group", err.Error(), "Let the function's role call logs:FilterLogEvents on it.")
			return false
		}
	}
	return c.constantQuery(ctx, l, group, to, interval)
}

// constantQuery runs the query by which large logs are read, and every second reading of them, over the last hour.
func (c *Check) constantQuery(ctx context.Context, l *list, group logread.Group, to time.Time, interval time.Duration) bool {
	rows := logread.NewTally()
	if err := c.readBy(ctx, logread.LogsInsights, group, to.Add(-lastHour), to, rows); err != nil {
		fail, why := l.fail, "nobody is closed without a second reading, and this log is read so"
		if c.readWhole(group, to, interval) {
			fail, why = l.advise, "large logs are read so, and this one once it has grown"
		}
		fail("logs insights", err.Error(), "Let the function's role call logs:StartQuery, GetQueryResults and StopQuery on it: "+why+".")
		return group.Class == types.LogGroupClassStandard
	}
	var entries int64
	var unread []string
	for _, r := range rows.Rows() {
		entries += r.Count
		if evidence.Masked(r) {
			unread = append(unread, fmt.Sprintf("%d entries of stream %s are by masked names", r.Count, r.Stream))
		}
	}
	if len(unread) > 0 {
		l.fail("unread entries", strings.Join(unread, "; "), "Allow the function's role logs:Unmask on the group.")
	}
	l.pass("logs insights", fmt.Sprintf("the constant query of the last hour of log group %s gives %d rows of %d entries", group.Name, len(rows.Rows()), entries))
	return true
}

// readWhole reports that all of a group that a second reading may have to read is read as whole events.
func (c *Check) readWhole(group logread.Group, to time.Time, interval time.Duration) bool {
	choice, err := logread.ChooseRows(group, group.Expected(to.Add(-interval-day), to, to), c.logs.Options().Region, lastHour)
	return err == nil && choice.Way == logread.FilterLogEvents
}

func (c *Check) readBy(ctx context.Context, way logread.Way, group logread.Group, from, to time.Time, sink logread.Sink) error {
	reader := logread.New(way, c.logs, logread.Options{Region: c.logs.Options().Region, Until: time.Now().Add(readWithin)})
	err := reader.Read(ctx, group, from, to, sink)
	if errors.Is(err, logread.ErrOutOfTime) {
		return nil // it can be read, and holds more than a check reads
	}
	return err
}

// databases names those whose names the log cannot carry, and to which people may log in.
func databases(l *list, list []account.Database) {
	var told []string
	var fixes []script.Statement
	for _, d := range list {
		if d.Unlogged != "" && d.AllowsConnections {
			told = append(told, fmt.Sprintf("database %q, owned by %q: %s", d.Name, d.Owner, d.Unlogged))
			fixes = append(fixes, d.Rename())
		}
	}
	if len(told) == 0 {
		l.pass("databases", "the log can carry the name of every database")
		return
	}
	l.fail("databases", "logins cannot be told from the log: "+strings.Join(told, "; "), toPaste("In psql, as the owner or the master:", fixes...))
}
