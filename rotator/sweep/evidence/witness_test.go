package evidence_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

var firstRun = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

const loginsADay = 120 // one at each look, of those that come every hour, too

// steadily counts loginsADay sessions a day in "app". Each look finds a database that was made and is dropped before the next, "ci_2" at
// the third, and "staging", which is dropped and made again each night.
func steadily(since time.Duration) map[string]account.SessionCount {
	day := int(since / time.Hour)
	return map[string]account.SessionCount{"app": {OID: 5, Count: int64(loginsADay * since / (24 * time.Hour))}, fmt.Sprintf("ci_%d", day): {OID: uint32(1000 + day), Count: loginsADay},
		"staging": {OID: uint32(2000 + day), Count: int64(1000 + day%2*500)}}
}

// thenRefusal parts a login from the refusal that follows it.
const thenRefusal = "\x00"

// runDaily runs once a day, on an instance that counts sessions, and returns what each run knows. sessions gives what is counted so long
// after the first run, and entry gives the log's entry of each of
// loginsADay logins, "" = it is missing; refusal may follow it.
func runDaily(days int, names evidence.Names, sessions func(since time.Duration) map[string]account.SessionCount, entry func(at time.Time) string) (runs []*evidence.Evidence) {
	return runEvery(24*time.Hour, days, names, sessions, entry)
}

// runEvery does so at another interval.
func runEvery(interval time.Duration, days int, names evidence.Names, sessions func(since time.Duration) map[string]account.SessionCount, entry func(at time.Time) string) (runs []*evidence.Evidence) {
	live := []cluster.Instance{{Name: "db", Group: "/aws/rds/instance/db/postgresql", ResourceID: "db-A", Created: firstRun.AddDate(-1, 0, 0)}}
	logging := account.Logging{Connections: "on", MinMessages: "warning", LinePrefix: "%t:%r:%u@%d:[%p]:", Destination: "stderr", Messages: "C"}
	var records []account.LogRecord
	for since := time.Duration(0); since < time.Duration(days)*24*time.Hour; since += interval {
		start := firstRun.Add(since)
		e := evidence.New(start, evidence.Options{Lag: 5 * time.Minute, Longest: 90 * 24 * time.Hour})
		e.Enroll(live, records)
		i := e.Named("db")
		i.See(evidence.Sighting{Logging: logging, Look: evidence.Look{At: start, Started: live[0].Created, Loaded: live[0].Created,
			Sessions: sessions(since)}})
		log := evidence.NewLog(start, names)
		e.Watch(log)
		for at := e.ReadFrom(i.Group); at.Before(start); at = at.Add(time.Second) {
			if at.Sub(firstRun)%(24*time.Hour/loginsADay) != 0 {
				continue
			}
			for message := range strings.SplitSeq(entry(at), thenRefusal) {
				if message != "" {
					log.Event(logread.Event{Stream: "db.0", At: at.UnixMilli(), Ingested: at.UnixMilli(), Message: message})
				}
			}
		}
		log.ReadTo(start)
		log.End()
		e.GroupRead(i.Group)
		records, _ = e.Conclude()
		runs = append(runs, e)
	}
	return runs
}

// Somebody whose logins read as if they could be forged keeps nobody's evidence incomplete: the server has counted them.
func TestSessionsOfContestedLogins(t *testing.T) {
	t.Parallel()
	names := evidence.Names{Roles: []string{"jane@corp"}, Databases: []string{"app"}}
	login := func(at time.Time, tail string) string {
		return at.Format(time.DateTime) + fmt.Sprintf(" UTC:10.0.0.7(4000):jane@corp@app:[%d]:LOG:  connection authorized: user=jane@corp database=app%s", at.Unix()%30000, tail)
	}
	for name, tt := range map[string]struct {
		half string // the tail of half of the last days' logins; "missing" = there is no entry
		gaps int
	}{
		"plain":                            {"", 0},
		"a mark in the application's name": {" application_name=x:[1]:LOG:  y", 0},
		"not in the log":                   {"missing", 1},
		"not in the log, a stranger's are": {" application_name=:[101]:FATAL:  expected SASL response, got message type 80", 1},
	} {
		runs := runDaily(5, names, steadily, func(at time.Time) string {
			tail := ""
			if at.After(firstRun.AddDate(0, 0, 2)) && at.Unix()/720%2 == 0 {
				tail = tt.half
			}
			if tail == "missing" {
				return ""
			}
			return login(at, tail)
		})
		e, gaps := runs[len(runs)-1], 0
		for _, g := range e.Gaps {
			if strings.Contains(g.Cause, "sessions") {
				gaps++
			}
		}
		if gaps != tt.gaps {
			t.Errorf("%s: %d gaps, want %d: %q", name, gaps, tt.gaps, e.Gaps)
		}
	}
}

// Logins that no count of sessions has make up for none that is missing: RDS's own, connections for replication, those of a database that
// only one look knows, or of one whose name the log cannot carry.
func TestLoginsThatNoCountHas(t *testing.T) {
	t.Parallel()
	names := evidence.Names{Roles: []string{"ann", "rdsadmin", "dms"}, Databases: []string{"app", "rdsadmin", "made", "caf\u00e9"}}
	for name, instead := range map[string]string{
		"RDS's own":                          "[local]:rdsadmin@rdsadmin:[%d]:LOG:  connection authorized: user=rdsadmin database=rdsadmin application_name=rds",
		"RDS's own, forgeable":               "[local]:rdsadmin@rdsadmin:[%d]:LOG:  connection authorized: user=rdsadmin database=rdsadmin application_name=x:[1]:LOG:  y",
		"physical replication":               "10.0.0.7(4000):dms@[unknown]:[%d]:LOG:  replication connection authorized: user=dms",
		"logical replication":                "10.0.0.7(4000):dms@app:[%d]:LOG:  replication connection authorized: user=dms",
		"logical replication, of a stranger": "10.0.0.7(4000):gone@app:[%d]:LOG:  replication connection authorized: user=gone",
		"a database made meanwhile":          "10.0.0.7(4000):ann@made:[%d]:LOG:  connection authorized: user=ann database=made",
		"a database dropped meanwhile":       "10.0.0.7(4000):ann@ci_N:[%d]:LOG:  connection authorized: user=ann database=ci_N",
		"a database that is gone":            "10.0.0.7(4000):ann@gone:[%d]:LOG:  connection authorized: user=ann database=gone",
		"a name that is not ASCII":           "10.0.0.7(4000):ann@caf\u00e9:[%d]:LOG:  connection authorized: user=ann database=caf\u00e9",
		"an attempt that is refused":         "10.0.0.7(4000):ann@app:[%d]:LOG:  connection authorized: user=ann database=app" + thenRefusal + "10.0.0.7(4000):ann@app:[%d]:FATAL:  too many connections for role \"ann\"",
		"the same of somebody who is gone":   "10.0.0.7(4000):gone@app:[%d]:LOG:  connection authorized: user=gone database=app" + thenRefusal + "10.0.0.7(4000):gone@app:[%d]:FATAL:  too many connections for role \"gone\"",
		"somebody who is gone, elsewhere":    "10.0.0.7(4000):gone@rdsadmin:[%d]:LOG:  connection authorized: user=gone database=rdsadmin",
	} {
		runs := runDaily(5, names, steadily, func(at time.Time) string {
			form := "10.0.0.7(4000):ann@app:[%d]:LOG:  connection authorized: user=ann database=app"
			if at.After(firstRun.AddDate(0, 0, 2)) {
				form = instead
			}
			form = strings.ReplaceAll(form, "ci_N", fmt.Sprintf("ci_%d", at.Sub(firstRun)/(24*time.Hour)*24))
			stamp, pid := at.Format(time.DateTime)+" UTC:", fmt.Sprint(at.Unix()%30000)
			return stamp + strings.ReplaceAll(strings.ReplaceAll(form, thenRefusal, thenRefusal+stamp), "%d", pid)
		})
		if e := runs[len(runs)-1]; !slices.ContainsFunc(e.Gaps, func(g evidence.Gap) bool { return strings.Contains(g.Cause, "sessions") }) {
			t.Errorf("%s: no gap, %q", name, e.Notes)
		}
	}
}

// Looks are compared by the databases that both know, under one name, and whose counts did not fall: what somebody does to others
// hides no login that is missing, and makes none missing.
func TestWhichSessionsAreCompared(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		other     func(day int) map[string]account.SessionCount // besides "app"
		crash     bool                                          // from the fourth day on the count of "app" falls, too
		unnoticed bool                                          // missing logins are
	}{
		"made anew, with fewer": {other: func(day int) map[string]account.SessionCount {
			return map[string]account.SessionCount{"x": {OID: uint32(10 + day), Count: int64(1000 - day)}}
		}},
		"made anew, with more": {other: func(day int) map[string]account.SessionCount {
			return map[string]account.SessionCount{"x": {OID: uint32(10 + day), Count: int64(1000 * day)}}
		}},
		"names swapped": {other: func(day int) map[string]account.SessionCount {
			return map[string]account.SessionCount{[]string{"x", "y"}[day%2]: {OID: 10, Count: int64(5 * day)}, []string{"y", "x"}[day%2]: {OID: 11, Count: int64(1000 * day)}}
		}},
		"renamed": {other: func(day int) map[string]account.SessionCount {
			return map[string]account.SessionCount{fmt.Sprintf("x%d", day): {OID: 10, Count: int64(1000 * day)}}
		}},
		"reset": {other: func(day int) map[string]account.SessionCount {
			return map[string]account.SessionCount{"x": {OID: 10, Count: int64(1000 - day)}}
		}},
		"reset beside others that nobody uses": {crash: true, unnoticed: true, other: func(int) map[string]account.SessionCount {
			return map[string]account.SessionCount{"template0": {OID: 10}, "template1": {OID: 11}, "postgres": {OID: 12}}
		}},
		"all fell in a crash, and one has more by now": {crash: true, unnoticed: true, other: func(day int) map[string]account.SessionCount {
			return map[string]account.SessionCount{"x": {OID: 10, Count: int64(1000 - day)}, "y": {OID: 11, Count: int64(day)}}
		}},
	} {
		sessions := func(since time.Duration) map[string]account.SessionCount {
			day := int(since / (24 * time.Hour))
			counted := tt.other(day)
			counted["app"] = account.SessionCount{OID: 5, Count: int64(loginsADay * day)}
			if tt.crash && day > 2 {
				counted["app"] = account.SessionCount{OID: 5, Count: int64(100 - day)}
			}
			return counted
		}
		for _, missing := range []bool{false, true} {
			runs := runDaily(5, evidence.Names{Roles: []string{"ann"}, Databases: []string{"app", "x", "y"}}, sessions, func(at time.Time) string {
				database := "app"
				if missing && at.After(firstRun.AddDate(0, 0, 2)) {
					database = "x" // whose logins bear out no other's count
				}
				return at.Format(time.DateTime) + fmt.Sprintf(" UTC:10.0.0.7(4000):ann@%s:[%d]:LOG:  connection authorized: user=ann database=%[1]s", database, at.Unix()%30000)
			})
			gap := slices.ContainsFunc(runs[len(runs)-1].Gaps, func(g evidence.Gap) bool { return strings.Contains(g.Cause, "sessions") })
			if want := missing && !tt.unnoticed; gap != want {
				t.Errorf("%s, logins missing %v: a gap %v, want %v: %q", name, missing, gap, want, runs[len(runs)-1].Notes)
			}
		}
	}
}

// A login that is missing each day shows once the counts of several days are added up, unless it was missing from the beginning: some
// sessions may never have an entry. A few that came too late to be counted make no gap.
func TestSessionsOfSeveralLooks(t *testing.T) {
	t.Parallel()
	names := evidence.Names{Roles: []string{"ann"}, Databases: []string{"app"}}
	const days = 14
	for name, tt := range map[string]struct {
		from, to int // on which days a login is missing
		gap      bool
		told     bool
	}{
		"none":               {0, 0, false, false},
		"two":                {8, 10, false, false},
		"one a day":          {8, days, true, false},
		"one a day ever":     {0, days, false, true},
		"one a day at first": {0, 3, false, false},
	} {
		for _, interval := range []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour} {
			runs := runEvery(interval, days, names, steadily, func(at time.Time) string {
				if n := int(at.Sub(firstRun) / (24 * time.Hour)); n >= tt.from && n < tt.to && at.Sub(firstRun)%(24*time.Hour) == 12*time.Hour+24*time.Hour/loginsADay {
					return ""
				}
				return at.Format(time.DateTime) + fmt.Sprintf(" UTC:10.0.0.7(4000):ann@app:[%d]:LOG:  connection authorized: user=ann database=app", at.Unix()%30000)
			})
			gap, told := false, false
			for _, e := range runs {
				gap = gap || slices.ContainsFunc(e.Gaps, func(g evidence.Gap) bool { return strings.Contains(g.Cause, "taken together") && e.From().Equal(g.To) })
				told = told || slices.ContainsFunc(e.Notes, func(note string) bool { return strings.Contains(note, "taken together") })
			}
			if gap != tt.gap || told != tt.told {
				t.Errorf("%s, every %s: a gap %v, want %v; told %v, want %v", name, interval, gap, tt.gap, told, tt.told)
			}
		}
	}
}

// A role that makes a parallel worker write what looks like the server's own entries, however many, hides none of the postmaster's.
func TestEntriesOfThePostmasterAmongForgedOnes(t *testing.T) {
	t.Parallel()
	const postmaster = 57
	started := firstRun.AddDate(0, 0, 1).Add(-3 * time.Hour)
	off := started.Add(2 * time.Hour)
	server := func(log *evidence.Log, at time.Time, pid int, message string) {
		log.Event(logread.Event{Stream: "db.0", At: at.UnixMilli(), Message: fmt.Sprintf("%s UTC::@:[%d]:LOG:  %s", at.Format(time.DateTime), pid, message)})
	}
	start := firstRun.AddDate(0, 0, 1)
	e := evidence.New(start, evidence.Options{Lag: 5 * time.Minute, Longest: 90 * 24 * time.Hour})
	e.Enroll([]cluster.Instance{{Name: "db", Group: "/aws/rds/instance/db/postgresql"}}, nil)
	i := e.Named("db")
	i.See(evidence.Sighting{Look: evidence.Look{At: start, Started: started, Loaded: started}})
	log := evidence.NewLog(start, evidence.Names{})
	e.Watch(log)
	for n := range 20_000 {
		server(log, started.Add(-time.Hour), 1000+n%100, "received SIGHUP, reloading configuration files")
	}
	server(log, started, postmaster, "starting PostgreSQL 18.4")
	server(log, off, postmaster, `parameter "log_connections" changed to "off"`)
	log.ReadTo(start)
	log.End()
	e.GroupRead(i.Group)
	e.Conclude()
	for _, g := range e.Gaps {
		if g.From.Equal(off) {
			return
		}
	}
	t.Errorf("gaps %v, want one from %v, when log_connections went off", e.Gaps, off)
}

// Only the pair's own login vouches for the log: any role can see the sweep's application_name, and write of it under its own names.
func TestWhoseRowShowsTheSweepsLogin(t *testing.T) {
	t.Parallel()
	for names, found := range map[string]bool{
		"app_a@app": true, "app_a@my@db": true, "app_a@x@app": false, "app_a@gone@app": false, "app_a@gone": false, "eve@app": false, "app_a": false,
	} {
		log := evidence.NewLog(firstRun, evidence.Names{Roles: []string{"app_a", "app_a@x", "eve"}, Databases: []string{"app", "my@db", "x@app"}, Own: map[string]bool{"app_a": true}})
		log.Await("db", "pgrotator-sweep-1")
		log.Row(logread.Row{Kind: logread.Kind{Stream: "db.0", Class: logread.Login, Names: names, Canary: "pgrotator-sweep-1"}, Count: 1})
		if log.FoundAll() != found {
			t.Errorf("a login of %q shows the sweep's: %v, want %v", names, !found, found)
		}
	}
}

// A stranger who is given the process id of a session that has just ended, and takes its port, takes back nobody's login.
func TestRefusalFromAnotherHost(t *testing.T) {
	t.Parallel()
	entry := func(second int, host, severity, message string) logread.Event {
		at := firstRun.Add(time.Duration(second) * time.Second)
		return logread.Event{Stream: "db.0", At: at.UnixMilli(), Message: fmt.Sprintf("%s UTC:%s(4000):ann@app:[77]:%s:  %s", at.Format(time.DateTime), host, severity, message)}
	}
	for host, counts := range map[string]bool{"10.0.0.7": false, "10.0.0.8": true} {
		log := evidence.NewLog(firstRun.Add(time.Hour), evidence.Names{Roles: []string{"ann"}, Databases: []string{"app"}})
		log.Event(entry(0, "10.0.0.7", "LOG", "connection authorized: user=ann database=app"))
		log.Event(entry(30, host, "FATAL", `password authentication failed for user "ann"`))
		log.Event(entry(300, "10.0.0.9", "LOG", "connection received: host=10.0.0.9 port=4000"))
		log.ReadTo(firstRun.Add(time.Hour))
		log.End()
		if active := len(log.ActiveRoles()) == 1; active != counts {
			t.Errorf("refused from %s: the login counts %v, want %v", host, active, counts)
		}
	}
}
