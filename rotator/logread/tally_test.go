package logread_test

import (
	"strings"
	"testing"

	"pgrotator/rotator/logread"
)

const (
	plain  = "2026-11-22 07:43:03 UTC:10.0.0.7(40312):alice@app:[4711]:"
	longer = "2026-11-22 07:43:03.560 UTC:10.0.0.7(40312):alice@app:[4711]:3:00000:2026-11-22 07:43:01 UTC:1/7:0:6b02a10b.3134:"
	server = "2026-11-22 07:43:03 UTC::@:[57]:"
)

// kind is what the query makes of one event of stream a.0.
func kind(t *testing.T, message string) logread.Kind {
	t.Helper()
	tally := logread.NewTally()
	tally.Event(logread.Event{Stream: "a.0", At: 1000, Ingested: 3000, Message: message})
	rows := tally.Rows()
	if len(rows) != 1 || rows[0].Count != 1 || rows[0].Earliest != 1000 || rows[0].Latest != 1000 || rows[0].Delay != 2000 {
		t.Fatalf("%q made the rows %+v, want one for one event", message, rows)
	}
	if rows[0].Stream != "a.0" {
		t.Fatalf("%q made a row of stream %q", message, rows[0].Stream)
	}
	k := rows[0].Kind
	k.Stream = ""
	return k
}

// kinds are events and what the query makes of them.
var kinds = func() map[string]logread.Kind {
	alice := func(c logread.Class, severity string) logread.Kind {
		return logread.Kind{Class: c, Names: "alice@app", Severity: severity}
	}
	unproven := func(beginning string) logread.Kind {
		return logread.Kind{Class: logread.Unproven, Severity: beginning}
	}
	own, walsender := alice(logread.Login, "LOG"), alice(logread.Login, "LOG")
	walsender.Replication = true
	own.Canary = "pgrotator-stored-orders-17"
	notice := func(message string) logread.Kind {
		return logread.Kind{Class: logread.ServerNotice, Names: "@", Severity: "LOG", Server: message}
	}
	return map[string]logread.Kind{
		plain + "LOG:  connection authorized: user=alice database=app application_name=psql":                        alice(logread.Login, "LOG"),
		plain + "LOG:  00000: connection authorized: user=alice database=app":                                       alice(logread.Login, "LOG"),
		plain + "LOG:  connection authorized: user=alice, application=A, Tds Version=0x74000004.":                   alice(logread.Login, "LOG"),
		plain + "LOG:  replication connection authorized: user=alice application_name=walreceiver":                  walsender,
		plain + "LOG:  connection authorized: user=alice database=app application_name=pgrotator-stored-orders-17":  own,
		longer + "[unknown]LOG:  connection authorized: user=alice database=app":                                    alice(logread.Login, "LOG"),
		plain + "LOG:  disconnection: session time: 0:00:00.022 user=alice database=app host=10.0.0.7 port=40312":   alice(logread.Disconnection, "LOG"),
		longer + "a:bLOG:  disconnection: session time: 0:00:00.022 user=alice database=app host=10.0.0.7 port=403": alice(logread.Disconnection, "LOG"),

		plain + "ERROR:  relation \"x\" does not exist at character 15":          alice(logread.Other, "ERROR"),
		plain + "ERROR:  42P01: relation \"x\" does not exist at character 15":   alice(logread.Other, "ERROR"),
		plain + "STATEMENT:  select *\n\tfrom x":                                 alice(logread.Other, "STATEMENT"),
		plain + "FEHLER:  Relation \u00bbx\u00ab existiert nicht bei Zeichen 15": alice(logread.Other, "FEHLER"),
		plain + "\u041e\u0428\u0418\u0411\u041a\u0410:  x":                       alice(logread.Other, "\u041e\u0428\u0418\u0411\u041a\u0410"),
		plain + "LOG:  connection ready: setup total=18.699 ms, fork=0.519 ms":   alice(logread.Other, "LOG"),
		plain + "LOG:  duration: 12.1 ms  statement: select 1":                   alice(logread.Other, "LOG"),
		longer + "psqlERROR:  division by zero":                                  alice(logread.Other, "ERROR"),
		longer + "psqlFATAL:  terminating connection due to administrator":       alice(logread.Other, ""),
		longer + "a:bERROR:  division by zero":                                   alice(logread.Other, ""),

		plain + "FATAL:  role \"alice\" is not permitted to log in":                                                alice(logread.Refusal, "FATAL"),
		plain + "FATAL:  28000: role \"alice\" is not permitted to log in":                                         alice(logread.Refusal, "FATAL"),
		longer + "[unknown]FATAL:  database \"app\" does not exist":                                                alice(logread.Refusal, "FATAL"),
		plain + "FATAL:  too many connections for role \"alice\"":                                                  alice(logread.Refusal, "FATAL"),
		plain + "FATAL:  permission denied for database \"app\"":                                                   alice(logread.Refusal, "FATAL"),
		plain + "FATAL:  remaining connection slots are reserved for roles":                                        alice(logread.Refusal, "FATAL"),
		plain + "FATAL:  invalid value for parameter \"role\": \"x\"":                                              alice(logread.Refusal, "FATAL"),
		plain + "FATAL:  invalid value for parameter \"replication\": \"x\"":                                       unproven("FATAL"),
		plain + "FATAL:  password authentication failed for user \"alice\"":                                        unproven("FATAL"),
		plain + "FATAL:  28P01: password authentication failed for user \"alice\"":                                 unproven("FATAL"),
		longer + "[unknown]FATAL:  password authentication failed for user \"alice\"":                              unproven("FATAL"),
		plain + "FATAL:  terminating connection due to administrator command":                                      unproven("FATAL"),
		plain + "FATALE:  autenticazione con password fallita":                                                     unproven("FATALE"),
		plain + "\u0412\u0410\u0416\u041d\u041e:  x":                                                               unproven("\u0412\u0410\u0416\u041d\u041e"),
		plain + "\u81f4\u547d\u9519\u8bef:  x":                                                                     unproven("\u81f4\u547d\u9519\u8bef"),
		plain + "\u041e\u041f\u0415\u0420\u0410\u0422\u041e\u0420:  x":                                             alice(logread.Other, "\u041e\u041f\u0415\u0420\u0410\u0422\u041e\u0420"),
		plain + "\u65e5\u5fd7:  x":                                                                                 alice(logread.Other, "\u65e5\u5fd7"),
		plain + "FATAL:  number of requested standby connections exceeds max":                                      unproven("FATAL"),
		plain + "FATAL:  new replication connections are not allowed during database shutdown":                     alice(logread.Refusal, "FATAL"),
		plain + "FATAL:  database locale is incompatible with operating system":                                    alice(logread.Refusal, "FATAL"),
		plain + "FATAL:  -1 is outside the valid range for parameter \"work_mem\" (64 .. 2147483647)":              alice(logread.Refusal, "FATAL"),
		plain + "FATAL:  5 8kB is outside the valid range for parameter \"temp_buffers\" (100 8kB .. 1 8kB)":       alice(logread.Refusal, "FATAL"),
		plain + "LOG:  certificate authentication failed for user \"alice\": unable to retrieve subject DN":        unproven("LOG"),
		plain + "LOG:  could not generate random MD5 salt":                                                         unproven("LOG"),
		plain + "LOG:  could not rename file \"x\"":                                                                alice(logread.Other, "LOG"),
		plain + "DEBUG:  InitPostgres":                                                                             unproven("DEBUG"),
		longer + "[unknown]DEBUG:  InitPostgres":                                                                   unproven("DEBUG"),
		plain + "WARNING:  pg_getnameinfo_all() failed: x":                                                         unproven("WARNING"),
		plain + "LOG:  unexpected EOF on client connection with an open transaction":                               alice(logread.Other, "LOG"),
		plain + "DETAIL:  Role \"alice\" does not exist.":                                                          unproven("DETAIL"),
		plain + "LOCATION:  auth_failed, auth.c:326":                                                               unproven("LOCATION"),
		longer + "[unknown]DETAIL:  Connection matched pg_hba.conf line 1":                                         unproven("DETAIL"),
		plain + "LOG:  could not receive data from client: Connection reset by peer":                               unproven("LOG"),
		plain + "LOG:  08P01: invalid message length":                                                              unproven("LOG"),
		plain + "LOG:  pam_authenticate failed: Permission denied":                                                 unproven("LOG"),
		plain + "LOG:  connection authenticated: identity=\"alice\" method=md5":                                    unproven("LOG"),
		longer + "[unknown]LOG:  provided user name (a) and authenticated user name (b) do not match":              unproven("LOG"),
		strings.Replace(plain, "alice@app", "[unknown]@[unknown]", 1) + "LOG:  connection received: host=10.0.0.7": unproven("LOG"),

		server + "LOG:  received SIGHUP, reloading configuration files":                                                     notice(server + "LOG:  received SIGHUP, reloading configuration files"),
		server + "LOG:  parameter \"log_connections\" changed to \"off\"":                                                   notice(server + "LOG:  parameter \"log_connections\" changed to \"off\""),
		server + "LOG:  Parameter \u00bblog_connections\u00ab auf \u00aboff\u00bb gesetzt":                                  notice(server + "LOG:  Parameter \u00bblog_connections\u00ab auf \u00aboff\u00bb gesetzt"),
		server + "\u65e5\u5fd7:  00000: \u53c2\u6570\"log_destination\"\u88ab\u6539\u4e3a\"csvlog\"":                        notice(server + "\u65e5\u5fd7:  00000: \u53c2\u6570\"log_destination\"\u88ab\u6539\u4e3a\"csvlog\""),
		server + "LOG:  Parameter \u00bbwork_mem\u00ab auf \u00ab5MB\u00bb gesetzt":                                         {Names: "@", Severity: "LOG"},
		server + "LOG:  00000: database system is shut down":                                                                notice(server + "LOG:  00000: database system is shut down"),
		server + "LOG:  checkpoint complete: wrote 3 buffers":                                                               {Names: "@", Severity: "LOG"},
		"2026-11-22 07:43:03.560 UTC::@:[57]:9:00000:2026-11-22 07:43:01 UTC::0:6b02a10b.39:LOG:  starting PostgreSQL 15.4": notice("2026-11-22 07:43:03.560 UTC::@:[57]:9:00000:2026-11-22 07:43:01 UTC::0:6b02a10b.39:LOG:  starting PostgreSQL 15.4"),

		"2026-11-22 07:43:03 UTC:*********(40312):*****@***:[4711]:LOG:  connection authorized: user=***** database=***": {
			Class: logread.Login, Names: "*****@***", Severity: "LOG"},
		"2026-11-22 07:43:03 UTC:*********:*********:[4711]:LOG:  connection authorized: user=*********": {
			Class: logread.Login, Names: "*********", Severity: "LOG"},
		"2026-11-22 07:43:03.560 UTC,\"alice\",\"app\",4711,\"10.0.0.7:40312\",,1,\"authentication\"": {Class: logread.Unstamped},
		"2026-11-22 07:43:03.560 -03,,,4711,,6b02a10b.65,3,,2026-11-22 07:43:01 -03,,0,LOG":           {Class: logread.Unstamped},
		"2026-11-22 07:43:03.560 UTC,alice,app LOG:  connection authorized: user=alice":               {Class: logread.Stamped},
		"2026-11-22 07:43:03 UTC,\"alice\" LOG:  connection authorized: user=alice":                   {Class: logread.Stamped},
		"2026-11-22 07:43:03": {Class: logread.Stamped},
		"2026-11-22 07:43:03.560 UTC [4711] LOG:  connection authorized: user=alice database=app": {Class: logread.Stamped},
		"2026-11-22 07:43:03 UTC [4711] LOG:  connection authorized: user=alice database=app":     {Class: logread.Stamped},
		"\tfrom x":                   {Class: logread.Unstamped},
		"* Trying 127.0.0.1:1108...": {Class: logread.Unstamped},
		"":                           {Class: logread.Unstamped},

		strings.Replace(plain, "alice@app", "bob@app:[1]:LOG:  connection authorized: user=bob database=app@x", 1) +
			"FATAL:  password authentication failed": {Class: logread.Tampering},
		strings.Replace(plain, "alice@app", "bob@app:[1]:STATEMENT:  select 1", 1) + "FATAL:  no pg_hba.conf entry": {Class: logread.Tampering},
		plain + "LOG:  connection authorized: user=alice database=app application_name=x:[1]:LOG:  y":               alice(logread.Login, "LOG"),
		plain + "LOG:  replication connection authorized: user=alice application_name=x:[1]:LOG:  y":                walsender,
		longer + "x:[1]:LOG:  yLOG:  disconnection: session time: 0:00:00.022 user=alice database=app host=[local]": alice(logread.Disconnection, "LOG"),
	}
}()

func TestKinds(t *testing.T) {
	t.Parallel()
	for message, want := range kinds {
		if got := kind(t, message); got != want {
			t.Errorf("%q\n is %+v\nwant %+v", message, got, want)
		}
	}
}

// An application's name is its user's own choice, and hides neither login nor disconnection.
func TestApplicationNameHidesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"FATAL:  x", "LOG:  connection received", ":[1]:FATAL:  role \"a\" is not permitted to log in",
		"x:[12]:7:28P01:2026-11-22 07:43:01 UTC:1/7:0:6b.3:FATAL:  y", "DETAIL:  ", "[unknown]FATAL:  ", "@:[57]:LOG:  received SIGHUP",
		"pgrotator-sweep", "STATEMENT:  disconnection: ", ":[1]:ERROR:  :[2]:ERROR:  :[3]:ERROR:  "} {
		logins := []string{
			plain + "LOG:  connection authorized: user=alice database=app application_name=" + name,
			plain + "LOG:  00000: connection authorized: user=alice database=app application_name=" + name,
			longer + "[unknown]LOG:  connection authorized: user=alice database=app application_name=" + name,
		}
		for _, message := range logins {
			if got := kind(t, message); got.Class != logread.Login || got.Names != "alice@app" || got.Canary != "" {
				t.Errorf("%q is %+v, want alice's login", message, got)
			}
		}
		leaving := longer + name + "LOG:  disconnection: session time: 0:00:00.022 user=alice database=app host=10.0.0.7 port=40312"
		if got := kind(t, leaving); got.Class != logread.Disconnection || got.Names != "alice@app" {
			t.Errorf("%q is %+v, want alice's disconnection", leaving, got)
		}
	}
}

// Nor does it where the names hold an @, a colon or a mark themselves: of a login whose end no stranger can write.
func TestAwkwardNamesHideNoLogin(t *testing.T) {
	t.Parallel()
	const tls = " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"
	for _, names := range [][2]string{{"x:y", "app"}, {"ann", "db:1"}, {"x:[1]", "db:[2]"}, {"jane@corp.example", "app"}, {"ann", "d@e"}, {"r:[1]:LOG:  x", "app"}, {"ann", "d:[1]:LOG:  x"}, {"jo\"hn", "app"}} {
		for _, end := range []string{
			" application_name=x:[1]:LOG:  y" + tls, " application_name=:[1]:FATAL:  y" + tls, tls, " application_name=x:[1]:LOG:  y" + tls + " GSS (authenticated=yes, encrypted=no, principal=ann/a@EXAMPLE)",
			", application=A:[1]:LOG:  x, Tds Version=0x74000004.", " application_name=x:[1]:LOG:  y",
		} {
			if strings.HasSuffix(end, "y") && (strings.ContainsAny(names[0]+names[1], "@\"") || strings.Contains(names[0]+names[1], "]:")) {
				continue // as a stranger could have written it
			}
			user, database := names[0], " database="+names[1]
			if strings.HasPrefix(end, ", ") {
				database = ""
			}
			for _, details := range []string{"", "3:00000:2026-11-22 07:43:01 UTC:1/7:0:6b02a10b.3134:[unknown]"} {
				message := "2026-11-22 07:43:03 UTC:10.0.0.7(40312):" + user + "@" + names[1] + ":[4711]:" + details + "LOG:  connection authorized: user=" + user + database + end
				if k := kind(t, message); k.Class != logread.Login || k.Names != user+"@"+names[1] {
					t.Errorf("%+v: %s", k, message)
				}
			}
		}
	}
}

// Under the longer prefix an application's name stands before the severity of all that its sessions write.
func TestApplicationNameHidesNoSigns(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"FATAL:  x", "LOG:  connection received", "DETAIL:  ", "FATAL: ", "a:b", "STATEMENT:  disconnection: ", ""} {
		for _, entry := range []string{"LOG:  statement: select 1", "STATEMENT:  select 1", "ERROR:  division by zero"} {
			if got := kind(t, longer+name+entry); got.Class != logread.Other || got.Names != "alice@app" {
				t.Errorf("%q is %+v, want a sign of alice", longer+name+entry, got)
			}
		}
	}
}

func TestTallyAddsUp(t *testing.T) {
	t.Parallel()
	tally := logread.NewTally()
	login := plain + "LOG:  connection authorized: user=alice database=app"
	tally.Event(logread.Event{Stream: "a.0", At: 5000, Ingested: 5100, Message: login})
	tally.Event(logread.Event{Stream: "a.0", At: 3000, Ingested: 3900, Message: strings.Replace(login, "[4711]", "[4712]", 1)})
	tally.Event(logread.Event{Stream: "b.0", At: 9000, Ingested: 9000, Message: login})
	tally.Row(logread.Row{Kind: logread.Kind{Stream: "a.0", Class: logread.Login, Names: "alice@app", Severity: "LOG"},
		Count: 10, Earliest: 1000, Latest: 7000, Delay: 200, PIDs: 50_000})
	rows := tally.Rows()
	if len(rows) != 2 {
		t.Fatalf("rows are %+v, want one of each stream", rows)
	}
	for _, r := range rows {
		want := logread.Row{Kind: r.Kind, Count: 12, Earliest: 1000, Latest: 7000, Delay: 900, PIDs: 4711 + 4712 + 50_000}
		if r.Stream == "b.0" {
			want = logread.Row{Kind: r.Kind, Count: 1, Earliest: 9000, Latest: 9000, PIDs: 4711}
		}
		if r != want {
			t.Errorf("row is %+v, want %+v", r, want)
		}
	}
}
