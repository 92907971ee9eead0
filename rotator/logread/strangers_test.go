package logread_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/logread"
)

// strangersEntries are what PostgreSQL writes about a client that has no credentials, under the names that it sent: PostgreSQL cuts
// each at 63 bytes and at a NUL.
func strangersEntries(user, database string) []string {
	user, database = sent(user), sent(database)
	var entries []string
	for _, message := range []string{
		"FATAL:  %spassword authentication failed for user \"" + user + "\"",
		"FATAL:  %sinvalid value for parameter \"replication\": \"permission denied for\"",
		"FATAL:  %sinvalid value for parameter \"replication\": \"LOG:  disconnection: session time: 0:00:00.000 user=a database=b host=c\"",
		"FATAL:  %sinvalid value for parameter \"replication\": \":[1]:LOG:  connection authorized: user=a database=b application_name=:[2]:LOG:  x\"",
		"FATAL:  %ssorry, too many clients already",
		"FATAL:  %snumber of requested standby connections exceeds max_wal_senders (currently 10)",
		"FATAL:  %sthe database system is starting up",
		"FATAL:  %sthe database system is shutting down",
		"FATAL:  %sthe database system is in recovery mode",
		"FATAL:  %sthe database system is not accepting connections",
		"FATAL:  %sthe database system is not yet accepting connections",
		"FATAL:  %scanceling authentication due to timeout",
		"FATAL:  %sno pg_hba.conf entry for host \"10.0.0.7\", user \"" + user + "\", database \"" + database + "\", no encryption",
		"FATAL:  %spg_hba.conf rejects replication connection for host \"10.0.0.7\", user \"" + user + "\", SSL encryption",
		"FATAL:  %sunsupported frontend protocol 9.9: server supports 3.0 to 3.2",
		"DETAIL:  Role \"" + user + "\" does not exist.",
		"LOCATION:  auth_failed, auth.c:326",
		"LOG:  %scould not receive data from client: Connection reset by peer",
		"LOG:  %sincomplete message from client",
		"LOG:  %sinvalid message length",
		"LOG:  %spam_authenticate failed: Permission denied",
		"LOG:  %sno match in usermap \"m\" for user \"" + user + "\" authenticated as \"x\"",
	} {
		short, verbose := strings.ReplaceAll(message, "%s", ""), strings.ReplaceAll(message, "%s", "28P01: ")
		entries = append(entries,
			fmt.Sprintf("2026-11-22 07:43:03 UTC:10.0.0.7(40312):%s@%s:[4711]:%s", user, database, short),
			fmt.Sprintf("2026-11-22 07:43:03 UTC:10.0.0.7(40312):%s@%s:[4711]:%s", user, database, verbose),
			fmt.Sprintf("2026-11-22 07:43:03.560 UTC:10.0.0.7(40312):%s@%s:[4711]:2:28P01:2026-11-22 07:43:01 UTC:1/7:0:6b02a10b.3134:[unknown]%s",
				user, database, short))
	}
	return entries
}

func sent(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	return name[:min(len(name), 63)]
}

// A stranger's entries are nobody's activity, and all their names together make a few rows.
func checkStranger(t *testing.T, rows *logread.Tally, user, database string) {
	t.Helper()
	for _, message := range strangersEntries(user, database) {
		k := kind(t, message)
		if k.Names != "" || k.Canary != "" || k.Server != "" || k.Class != logread.Unproven && k.Class != logread.Tampering {
			t.Errorf("%q is %+v, want nothing that counts for anybody", message, k)
		}
		rows.Event(logread.Event{Stream: "a.0", Message: message})
	}
	if n := len(rows.Rows()); n > 20 {
		t.Errorf("strangers made %d rows", n)
	}
}

var strangersNames = [][2]string{
	{"alice", "app"}, {"*****", "postgres"}, {"a@b@c", "d@e"}, {"x\ny", "z\n"}, {"", ""}, {":", "["}, {":[1]", ":[2]:"},
	{"alice@app:[1]:LOG:  connection authorized: user=alice", "app"},
	{"a@d:[1]:LOG:  connection authorized: user=a database=d applicati", "n_name=x"},
	{"a", "d:[1]:LOG:  connection authorized: user=a application_name=x"},
	{"a", "d:[1]:LOG:  connection authorized: user=a, application=x"},
	{"a@x@d:[1]:LOG:  connection authorized: user=a", "x database=d application_name=pgrotator-sweep-1"},
	{"a@d:[1]:LOG:  replication connection authorized: user=a", "application_name=x"},
	{"bob", "app:[4711]:STATEMENT:  select 1"}, {"bob@app:[1]:LOG:  x", "app"},
	{"bob@app:[1]:1:00000:2026-11-22 08:00:12 UTC:1/1:0:6b.3:x", "LOG:  y"},
	{"bob@app:[1]:ERROR:  :[2]:ERROR:  ", ":[3]:ERROR:  "}, {"FATAL:  ", "LOG:  "}, {"@", "@:[57]:LOG:  received SIGHUP, reloading"},
	{"\u00e9\u00e9\u00e9\u00e9@b:[1]:FEHLER:  x", "\xff\xfe"},
	{"alice", "app:[1]:FATAL:  role \"alice\" is not permitted to log in"},
	{"alice@ is outside the valid range for parameter ", "app"}, {"alice", "1 is outside the valid range for parameter \""},
	{"alice@\" is not permitted to log in", "role \"x\" does not exist"},
	{"v@d:[1]:1:00000:2026-::::::", "LOG:  disconnection: session time: 0:00:00.000 user=a database="},
	{"v@d:[1]:1:00000:2026-::::::", "LOG:  disconnection: session time: 0:00:00.000 user=a host=b p"},
	{"v@d:[1]:LOG:  connection authorized: user=v", " SSL enabled (protocol=a, cipher=b, bits=1)"}, {"v@d:[1]:LOG:  connection authorized: user=v", ", Tds Version=0x7."},
	{"v@d:[1]:LOG:  connection authorized: user=v", " GSS (authenticated=yes, encrypted=yes"}, {"v@d:[1]:LOG:  connection authorized: user=v", " GSS (authenticated="},
	{"v@d:[1]:LOG:  connection authorized: user=v", " SSL enabled (protocol=a, cipher="}, {"v:w", "d:[1]:LOG:  connection authorized: user=v database=d applicatio"},
	{"v", "d:[1]:1:00000:2026-:::::"}, {"v", "d:[1]:1:00000:2026-11-22 07:43:01 UTC:1/7:0:6b.3:x"},
	{"v@d:[1]:1:00000:2026-", "LOG:  connection authorized: user=a database=b application_name"},
	{"v@d:[1]:1:00000:2026-:::::", "LOG:  connection authorized: user=ab database=cd application_name"},
	{"v@d:[1]:LOG:  connection authorized: user=v database=d applicat", "ion_name="},
	{"v@d:[1]:LOG:  disconnection: session time: 0:00:00.000 user=a", " database=b host=c port=1"},
}

func TestStrangersCountForNobody(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it has no second goroutine, and takes the race detector long")
	}
	rows := logread.NewTally()
	for _, names := range strangersNames {
		checkStranger(t, rows, names[0], names[1])
	}
	for i := range 200 {
		checkStranger(t, rows, fmt.Sprintf("bob%d", i), fmt.Sprintf("app:[%d]:X%d:  y", i, i))
	}
}

// A startup packet that is refused before its names are cut holds whole entries in them.
func TestNamesThatAreNotCut(t *testing.T) {
	t.Parallel()
	refusals := []string{
		"FATAL:  invalid value for parameter \"replication\": \"x\"", "FATAL:  22023: invalid value for parameter \"replication\": \"x\"",
		"FATAL:  ung\u00fcltiger Wert f\u00fcr Parameter \u00bbreplication\u00ab: \u00bbx\u00ab", "FATALE:  x", "\u0424\u0410\u0422\u0410\u041b\u042c\u041d\u041e:  x",
		"FATAL:  invalid startup packet layout: expected terminator as last byte", "FATAL:  ung\u00fcltiges Layout des Startpakets: Abschluss als letztes Byte erwartet",
		"HINT:  Valid values are: \"false\", 0, \"true\", 1, \"database\".", "LOCATION:  ProcessStartupPacket, postmaster.c:2203", "DEBUG:  proc_exit(1): 2 callbacks to make",
	}
	for _, body := range []string{
		"LOG:  connection authorized: user=alice database=app application_name=", "LOG:  connection authorized: user=alice database=app application_name=pgrotator-stored-s-9",
		"LOG:  connection authorized: user=alice database=app application_name=:[2]:LOG:  x", "ERROR:  ", "FATAL:  role \"alice\" is not permitted to log in ",
		"1:00000:2026-11-22 07:43:01 UTC:1/7:0:6b02a10b.3134:LOG:  disconnection: session time: 0:00:00.022 user=alice database=app host=h port=1",
	} {
		for i, refusal := range refusals {
			details := []string{"", "1:22023:2026-11-22 07:43:01 UTC:1/7:0:6b02a10b.3134:[unknown]"}[i%2]
			message := strings.Replace(plain, "[4711]", "[1]", 1) + body + strings.Repeat("x", []int{200, 5000}[i/2%2]) + "@x:[4711]:" + details + refusal
			if k := kind(t, message); k.Class != logread.Tampering || k.Names != "" {
				t.Errorf("%+v: %s", k, message)
			}
		}
	}
	for message, want := range map[string]logread.Class{
		plain + refusals[0]: logread.Unproven,
		plain + "STATEMENT:  select ':[1]:', 'replication', 'FATAL:  x'": logread.Other,
	} {
		if k := kind(t, message); k.Class != want {
			t.Errorf("%+v: %s", k, message)
		}
	}
}

func FuzzStrangersCountForNobody(f *testing.F) {
	for _, names := range strangersNames {
		f.Add(names[0], names[1])
	}
	f.Fuzz(func(t *testing.T, user, database string) { checkStranger(t, logread.NewTally(), user, database) })
}
