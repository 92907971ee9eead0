package evidence_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// rowsDiary is the log of an instance whose first reading is of rows.
type rowsDiary struct {
	events  []logread.Event
	records []account.LogRecord
	mute    bool // no rows answer what the evidence asks for besides
}

func (d *rowsDiary) write(at time.Time, message string) {
	d.events = append(d.events, logread.Event{Stream: "db.0", At: at.UnixMilli(), Ingested: at.UnixMilli(), Message: at.Format(time.DateTime) + " UTC:" + message})
}

func (d *rowsDiary) rows(s evidence.Stretch) []logread.Row {
	tally := logread.NewTally()
	for _, e := range d.events {
		if at := time.UnixMilli(e.At); !at.Before(s.From) && at.Before(s.To) {
			tally.Event(e)
		}
	}
	return tally.Rows()
}

// sweep is a run that finds a look at the instance.
func (d *rowsDiary) sweep(look evidence.Look) *evidence.Evidence {
	logging := account.Logging{Connections: "on", MinMessages: "warning", LinePrefix: "%t:%r:%u@%d:[%p]:", Destination: "stderr", Messages: "C"}
	e := evidence.New(look.At, evidence.Options{Lag: 5 * time.Minute, Longest: 90 * day})
	e.Enroll([]cluster.Instance{{Name: "db", Group: group, ResourceID: "db-A", Created: firstRun.AddDate(-1, 0, 0)}}, d.records)
	e.Named("db").See(evidence.Sighting{Logging: logging, Look: look})
	log := evidence.NewLog(look.At, evidence.Names{Roles: []string{"ann"}, Databases: []string{"app"}})
	e.Watch(log)
	for _, r := range d.rows(evidence.Stretch{From: e.ReadFrom(group), To: look.At}) {
		log.Row(r)
	}
	log.ReadTo(look.At)
	log.End()
	e.GroupRead(group)
	for _, c := range e.Recounts() {
		if !d.mute {
			c.Take(d.rows(c.Stretch))
		}
	}
	d.records, _ = e.Conclude()
	return e
}

// Rows count the logins between two looks as events do: a day without logins that the server has counted is a gap.
func TestLoginsBetweenLooksByRows(t *testing.T) {
	t.Parallel()
	const login, refused = "10.0.0.7(4000):ann@app:[77]:LOG:  connection authorized: user=ann database=app", "10.0.0.7(4000):ann@app:[77]:FATAL:  too many connections for role \"ann\""
	const twice = "the refusal again, of the first two hours"
	const walsender = "10.0.0.7(4000):ann@app:[77]:LOG:  replication connection authorized: user=ann"
	for name, tt := range map[string]struct {
		fourthDay []string // what the log holds each hour of the fourth day, but for the looks' own hours
		mute      bool
		gap       bool
		proven    int // up to which day the last run has held the log against the counts
	}{
		"nothing is missing":                    {[]string{login}, false, false, 5},
		"a day is missing":                      {nil, false, true, 5},
		"refused attempts make up for nothing":  {[]string{login, refused}, false, true, 5},
		"nor do those that walsenders make":     {[]string{walsender}, false, true, 5},
		"what cannot be counted waits":          {nil, true, false, 0},
		"a refusal besides takes back no login": {[]string{login, login, refused}, false, false, 5},
		"refusals that came twice":              {[]string{login, login, refused, twice}, false, false, 5},
	} {
		d, count, gaps := &rowsDiary{mute: tt.mute}, int64(1000), 0
		var e *evidence.Evidence
		for hour := range 6*24 + 1 {
			at, entries := firstRun.Add(time.Duration(hour)*time.Hour), []string{login}
			if hour/24 == 3 && hour%24 != 0 {
				entries = tt.fourthDay
			}
			for _, entry := range entries {
				if entry == twice {
					if entry = refused; hour%24 > 2 {
						continue
					}
				}
				d.write(at, entry)
			}
			d.write(at, ":@:[7]:LOG:  checkpoint starting: time")
			if count++; hour%24 == 0 {
				e = d.sweep(evidence.Look{At: at, Started: firstRun.Add(-day), Loaded: firstRun.Add(-day), Sessions: map[string]account.SessionCount{"app": {OID: 5, Count: count}}})
				gaps += len(e.Gaps)
			}
		}
		if gaps > 0 != tt.gap {
			t.Errorf("%s: %d gaps, want some: %v; notes %q", name, gaps, tt.gap, e.Notes)
		}
		if want := firstRun.Add(time.Duration(tt.proven) * day); !e.ProvenTo().Equal(want) {
			t.Errorf("%s: proven to %s, want %s", name, e.ProvenTo(), want)
		}
	}
}

// A server that was killed tells in rows too whether it may have written what was shipped no more.
func TestUncleanRestartByRows(t *testing.T) {
	t.Parallel()
	crash := firstRun.Add(10 * time.Hour)
	for name, tt := range map[string]struct {
		last time.Duration // before the start, when the server wrote something last
		mute bool
		from time.Time // of the evidence
	}{
		"silent for longer than the lag": {2 * time.Hour, false, crash},
		"silent for a minute":            {time.Minute, false, firstRun.Add(-day)},
		"nobody tells":                   {time.Minute, true, crash},
	} {
		d := &rowsDiary{mute: tt.mute}
		d.write(firstRun.Add(-time.Hour), ":@:[7]:LOG:  checkpoint starting: time")
		d.sweep(evidence.Look{At: firstRun, Started: firstRun.Add(-day), Loaded: firstRun.Add(-day)})
		d.write(crash.Add(-tt.last), ":@:[7]:LOG:  checkpoint starting: time")
		for n, message := range []string{"starting PostgreSQL 15.4 on x86_64", "database system was interrupted; last known up at 2026-11-22 18:00:00 UTC", "database system is ready to accept connections"} {
			d.write(crash.Add(time.Duration(n)*time.Second), fmt.Sprintf(":@:[%d]:LOG:  %s", 57, message))
		}
		d.write(crash.Add(13*time.Hour), ":@:[57]:LOG:  checkpoint starting: time")
		e := d.sweep(evidence.Look{At: firstRun.Add(day), Started: crash, Loaded: crash.Add(-4 * time.Millisecond)})
		if !e.From().Equal(tt.from) || len(e.Gaps) != 1 || !strings.Contains(e.Gaps[0].Cause, "unclean") {
			t.Errorf("%s: evidence from %s, want %s; %+v", name, e.From(), tt.from, e.Gaps)
		}
	}
}
