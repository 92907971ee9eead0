package evidence_test

import (
	"fmt"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// What the postmaster says of a setting that was changed between two looks, at noon, is a gap as long as logins may have been hidden, in
// whatever language it says so, and however the log is read.
func TestGapOfAChangedSetting(t *testing.T) {
	t.Parallel()
	const (
		changed = `parameter "%s" changed to "%s"`
		reset   = `parameter "%s" removed from configuration file, reset to default`
	)
	before, noon, after := firstRun, firstRun.Add(12*time.Hour), firstRun.Add(24*time.Hour)
	for entry, gap := range map[string][2]time.Time{
		fmt.Sprintf(changed, "log_connections", "on"):             {before, noon},
		fmt.Sprintf(changed, "log_connections", "t"):              {before, noon},
		fmt.Sprintf(changed, "LOG_CONNECTIONS", "1"):              {before, noon},
		fmt.Sprintf(changed, "log_connections", "all"):            {before, noon},
		fmt.Sprintf(changed, "log_connections", "f"):              {noon, after},
		fmt.Sprintf(changed, "Log_Connections", "off"):            {noon, after},
		fmt.Sprintf(changed, "log_min_messages", "FATAL"):         {noon, after},
		fmt.Sprintf(changed, "log_min_messages", "warning"):       {before, noon},
		fmt.Sprintf(changed, "log_destination", "csvlog"):         {noon, after},
		`Parameter »log_connections« auf »off« gesetzt`:           {noon, after},
		`パラメータ"log_min_messages"は"warning"に変更されました`:               {before, noon},
		`Parameter »lc_messages« auf »de_DE« gesetzt`:             {},
		`Parameter »log_connections« jetzt »on«`:                  {before, after}, // in the words of another version
		`parametre "log_destination`:                              {before, after},
		`Parameter »log_disconnections« jetzt »on«`:               {},
		fmt.Sprintf(reset, "log_connections"):                     {before, after},
		fmt.Sprintf(reset, "log_line_prefix"):                     {before, after},
		fmt.Sprintf(reset, "log_min_messages"):                    {before, noon},
		fmt.Sprintf(reset, "log_destination"):                     {before, noon},
		fmt.Sprintf(changed, "lc_messages", "en_US.UTF-8"):        {},
		fmt.Sprintf(changed, "lc_messages", "de_DE.UTF-8"):        {},
		fmt.Sprintf(reset, "lc_messages"):                         {},
		fmt.Sprintf(changed, "log_error_verbosity", "verbose"):    {},
		fmt.Sprintf(changed, "log_min_duration_statement", "100"): {},
	} {
		for _, rows := range []bool{false, true} {
			var found [2]time.Time
			for _, g := range lookTwice(entry, noon, rows).Gaps {
				found = [2]time.Time{g.From, g.To}
			}
			if found != gap {
				t.Errorf("%s, rows %v: a gap from %s to %s, want %s to %s", entry, rows, found[0], found[1], gap[0], gap[1])
			}
		}
	}
}

// lookTwice runs at firstRun and a day later, and returns what the later run knows. Between them the postmaster writes an entry.
func lookTwice(entry string, at time.Time, rows bool) *evidence.Evidence {
	live := []cluster.Instance{{Name: "db", Group: "/aws/rds/instance/db/postgresql", ResourceID: "db-A", Created: firstRun.AddDate(-1, 0, 0)}}
	started := firstRun.Add(-3 * time.Hour)
	var records []account.LogRecord
	var e *evidence.Evidence
	for _, start := range []time.Time{firstRun, firstRun.AddDate(0, 0, 1)} {
		e = evidence.New(start, evidence.Options{Lag: time.Minute, Longest: 90 * day})
		e.Enroll(live, records)
		e.Named("db").See(evidence.Sighting{Look: evidence.Look{At: start, Started: started, Loaded: started},
			Logging: account.Logging{Connections: "on", MinMessages: "warning", LinePrefix: "%t:%r:%u@%d:[%p]:", Destination: "stderr"}})
		log := evidence.NewLog(start, evidence.Names{})
		e.Watch(log)
		tally := logread.NewTally()
		for _, said := range []struct {
			at   time.Time
			text string
		}{{started, "starting PostgreSQL 18.4"}, {at, entry}, {start.Add(-time.Second), "checkpoint starting: time"}} {
			if !said.at.Before(e.ReadFrom(live[0].Group)) && !said.at.After(start) {
				event := logread.Event{Stream: "db.0", At: said.at.UnixMilli(), Message: fmt.Sprintf("%s UTC::@:[57]:LOG:  %s", said.at.Format(time.DateTime), said.text)}
				if tally.Event(event); !rows {
					log.Event(event)
				}
			}
		}
		for _, row := range tally.Rows() {
			if rows {
				log.Row(row)
			}
		}
		log.ReadTo(start)
		log.End()
		e.GroupRead(live[0].Group)
		records, _ = e.Conclude()
	}
	return e
}
