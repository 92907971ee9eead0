package evidence_test

import (
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// Who may run parallel workers writes, at the moment of a reload, what the postmaster would write, and the postmaster's own entry is in
// a stream that is late: once its process id is known since its start, nobody else's settings count.
func TestForgedReloadAheadOfTheRealOne(t *testing.T) {
	t.Parallel()
	at := func(days int) time.Time { return firstRun.AddDate(0, 0, days) }
	reload := func(days int) time.Time { return at(days).Add(-time.Hour) }
	entry := func(t time.Time, pid, text string) string {
		return t.Format(time.DateTime) + " UTC::@:[" + pid + "]:LOG:  " + text
	}
	const sighup = "received SIGHUP, reloading configuration files"
	events := []line{
		{reload(1), reload(1), entry(reload(1), "7", sighup)},
		{reload(3), reload(3), entry(reload(3), "4711", sighup)},
		{reload(3), reload(3), entry(reload(3), "4711", `parameter "log_min_messages" changed to "fatal"`)},
		{reload(3), at(4).Add(-2 * time.Hour), entry(reload(3), "7", sighup)},
	}
	var records []account.LogRecord
	for day := range 6 {
		start := at(day)
		e := evidence.New(start, evidence.Options{Lag: 5 * time.Minute, Longest: 90 * 24 * time.Hour})
		e.Enroll([]cluster.Instance{{Name: "db", Group: cluster.InstanceGroup("db"), ResourceID: "db-A", Created: at(-400)}}, records)
		loaded := at(-300)
		for _, days := range []int{1, 3} {
			if day >= days {
				loaded = reload(days)
			}
		}
		e.Named("db").See(evidence.Sighting{Logging: account.Logging{Connections: "on", LinePrefix: "%t:%r:%u@%d:[%p]:", Destination: "stderr"},
			Look: evidence.Look{At: start, Started: at(-400), Loaded: loaded}})
		log := evidence.NewLog(start, evidence.Names{})
		e.Watch(log)
		log.Event(logread.Event{Stream: "db.0", At: start.Add(-time.Minute).UnixMilli(), Message: entry(start.Add(-time.Minute), "8", "checkpoint starting: time")})
		for n, l := range events {
			if !l.arrives.After(start) && !l.at.Before(e.ReadFrom(cluster.InstanceGroup("db"))) {
				log.Event(logread.Event{Stream: "db." + string(rune('0'+n%2)), At: l.at.UnixMilli(), Ingested: l.arrives.UnixMilli(), Message: l.message})
			}
		}
		log.ReadTo(start)
		log.End()
		e.GroupRead(cluster.InstanceGroup("db"))
		records, _ = e.Conclude()
		if len(e.Gaps) > 0 {
			t.Errorf("day %d: %+v", day, e.Gaps)
		}
	}
}
