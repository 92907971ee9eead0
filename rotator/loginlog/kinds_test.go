package loginlog_test

import (
	"strings"
	"testing"

	"pgrotator/rotator/loginlog"
)

// forms are an entry under both prefixes, plain and verbose.
func forms(pair, severity, sqlstate, message string) []string {
	first, second := at1+pair+":[101]:", at2+pair+":[101]:4:"+sqlstate+":2026-11-22 07:43:01 UTC:1/1:0:6b02a10b.3134:[unknown]"
	plain, verbose := severity+":  "+message, severity+":  "+sqlstate+": "+message
	return []string{first + plain, first + verbose, second + plain, second + verbose}
}

func TestKindsInEveryForm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pair, severity, sqlstate, message string
		want                              loginlog.Kind
	}{
		"login":                           {"alice@app", "LOG", "00000", "connection authorized: user=alice database=app" + tls, loginlog.Login},
		"login to a former database":      {"alice@gone", "LOG", "00000", "connection authorized: user=alice database=gone", loginlog.Login},
		"Babelfish login":                 {"alice@app", "LOG", "00000", "connection authorized: user=alice, application=mssql-jdbc, Tds Version=0x74000004.", loginlog.Login},
		"Babelfish login of another":      {"alice@app", "LOG", "00000", "connection authorized: user=a, application=x, Tds Version=0x74000004.", loginlog.Tampering},
		"Babelfish login with more text":  {"alice@app", "LOG", "00000", "connection authorized: user=alice, application=x, Tds Version=0x74000004. x", loginlog.Tampering},
		"login of a role that is gone":    {"victim@app", "LOG", "00000", "connection authorized: user=victim database=app", loginlog.OtherLogin},
		"its replication":                 {"victim@[unknown]", "LOG", "00000", "replication connection authorized: user=victim", loginlog.OtherLogin},
		"its disconnection":               {"victim@app", "LOG", "00000", "disconnection: session time: 0:00:00.030 user=victim database=app host=10.0.0.7 port=35542", loginlog.Bystander},
		"its error":                       {"victim@app", "ERROR", "22012", "division by zero", loginlog.Bystander},
		"its refusal":                     {"victim@app", "FATAL", "28000", `role "victim" is not permitted to log in`, loginlog.Refusal},
		"disconnection":                   {"alice@app", "LOG", "00000", "disconnection: session time: 0:00:00.030 user=alice database=app host=10.0.0.7 port=35542", loginlog.Disconnection},
		"disconnection, former database":  {"alice@gone", "LOG", "00000", "disconnection: session time: 0:00:00.030 user=alice database=gone host=10.0.0.7 port=35542", loginlog.Disconnection},
		"error":                           {"alice@app", "ERROR", "22012", "division by zero", loginlog.Sign},
		"error of replication":            {"repl@[unknown]", "ERROR", "42601", "syntax error", loginlog.Sign},
		"statement":                       {"alice@app", "STATEMENT", "22012", "select 1/0", loginlog.Sign},
		"warning":                         {"alice@app", "WARNING", "01000", "careful", loginlog.Sign},
		"notice":                          {"alice@app", "NOTICE", "00000", "hello", loginlog.Sign},
		"RAISE LOG":                       {"alice@app", "LOG", "00000", "hello", loginlog.Sign},
		"log_statement":                   {"alice@app", "LOG", "00000", "statement: select 1", loginlog.Sign},
		"log_duration":                    {"alice@app", "LOG", "00000", "duration: 0.073 ms", loginlog.Sign},
		"log_temp_files":                  {"alice@app", "LOG", "00000", `temporary file: path "base/pgsql_tmp/pgsql_tmp1.0", size 14000000`, loginlog.Sign},
		"connection ready, 18":            {"alice@app", "LOG", "00000", "connection ready: setup total=18.9 ms, fork=1.2 ms, authentication=7.1 ms", loginlog.Sign},
		"wait for a table":                {"alice@app", "LOG", "00000", "process 9 still waiting for ShareLock on relation 16390 of database 16384 after 1000.060 ms", loginlog.Sign},
		"wait for the catalogue of roles": {"alice@app", "LOG", "00000", "process 9 still waiting for AccessShareLock on relation 1260 of database 0 after 1000.060 ms", loginlog.Ambiguous},
		"end in a transaction":            {"alice@app", "LOG", "08006", "unexpected EOF on client connection with an open transaction", loginlog.Sign},
		"authenticated":                   {"alice@app", "LOG", "00000", `connection authenticated: identity="alice" method=scram-sha-256 (/x/pg_hba.conf:12)`, loginlog.Attempt},
		"authenticated by trust, 17":      {"alice@app", "LOG", "00000", `connection authenticated: user="alice" method=trust (/x/pg_hba.conf:12)`, loginlog.Attempt},
		"received":                        {"[unknown]@[unknown]", "LOG", "00000", "connection received: host=10.0.0.7 port=35542", loginlog.Attempt},
		"PAM":                             {"alice@app", "LOG", "00000", "pam_authenticate failed: Permission denied", loginlog.Attempt},
		"pg_ident":                        {"alice@app", "LOG", "00000", `no match in usermap "m" for user "alice" authenticated as "x"`, loginlog.Attempt},
		"client gone":                     {"alice@app", "LOG", "08006", "could not receive data from client: Connection reset by peer", loginlog.Ambiguous},
		"wrong message":                   {"alice@app", "FATAL", "08P01", "expected SASL response, got message type 88", loginlog.Ambiguous},
		"ended by an administrator":       {"alice@app", "FATAL", "57P01", "terminating connection due to administrator command", loginlog.Ambiguous},
		"damaged catalogue":               {"alice@app", "WARNING", "XX001", "page verification failed, calculated checksum 1 but expected 2", loginlog.Ambiguous},
		"debug":                           {"alice@app", "DEBUG", "00000", "received password packet", loginlog.Ambiguous},
		"wrong password":                  {"alice@app", "FATAL", "28P01", `password authentication failed for user "alice"`, loginlog.Refusal},
		"no login":                        {"alice@app", "FATAL", "28000", `role "alice" is not permitted to log in`, loginlog.Refusal},
		"former database":                 {"alice@gone", "FATAL", "3D000", `database "gone" does not exist`, loginlog.Refusal},
		"detail":                          {"alice@app", "DETAIL", "28P01", `Connection matched file "/x/pg_hba.conf" line 9`, loginlog.Detail},
		"context":                         {"alice@app", "CONTEXT", "22012", "PL/pgSQL function f() line 1 at RAISE", loginlog.Detail},
		"masked login":                    {"*****@app", "LOG", "00000", "connection authorized: user=***** database=app", loginlog.Unread},
		"masked in the prefix":            {"*****@app", "LOG", "00000", "connection authorized: user=alice database=app", loginlog.Unread},
		"masked with the database":        {"*****", "LOG", "00000", "connection authorized: user=*****", loginlog.Unread},
		"masked in the message":           {"alice@app", "LOG", "00000", "connection authorized: user=***** database=app", loginlog.Login},
		"masked disconnection":            {"*****@app", "LOG", "00000", "disconnection: session time: 0:00:00.030 user=***** database=app host=10.0.0.7 port=35542", loginlog.Unread},
		"masked sign of life":             {"*****@app", "ERROR", "22012", "division by zero", loginlog.Unread},
		"a stranger named *****":          {"*****@app", "FATAL", "28P01", `password authentication failed for user "*****"`, loginlog.Refusal},
		"masked attempt":                  {"*****@app", "LOG", "00000", "pam_authenticate failed: Permission denied", loginlog.Unknown},
		"a language not known":            {"alice@app", "ΣΦΑΛΜΑ", "22012", "x", loginlog.Unknown},
	} {
		for _, entry := range forms(tt.pair, tt.severity, tt.sqlstate, tt.message) {
			e, kind := parser().Parse(entry)
			if tt.severity == "ΣΦΑΛΜΑ" && strings.HasPrefix(entry, at2) {
				continue // The application name ends where the severity begins, which nobody can tell.
			}
			if kind != tt.want || !e.Stamped || !e.Prefixed || (e.Shape != "") != (kind == loginlog.Unread || kind == loginlog.Unknown) {
				t.Errorf("%s: %v, want %v: %+v\n%s", name, kind, tt.want, e, entry)
			}
		}
	}
}

// Who is logged in can name himself alone.
func TestForgeriesOfARole(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"another by a second mark":     "z:[1]:LOG:  connection authorized: user=a database=b@d:[101]:LOG:  z",
		"another by a former database": "connection authorized: user=a database=b@d",
		"another's end":                "disconnection: session time: 0:00:00.030 user=a database=b@d host=10.0.0.7 port=35542",
	} {
		p := loginlog.New([]string{"a", "a@b"}, []string{"d"})
		if e, kind := p.Parse(at1 + "a@b@d:[101]:LOG:  " + message); kind != loginlog.Tampering {
			t.Errorf("%s: %v %+v", name, kind, e)
		}
	}
}

// Without credentials one has two names, and what the server says of them.
func TestAStrangersNames(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		user, database string
		want           loginlog.Kind
	}{
		"a statement":             {"alice", "app:[4711]:STATEMENT:  select 1", loginlog.Tampering},
		"an error in the user":    {"alice@app:[1]:ERROR:  x", "app", loginlog.Tampering},
		"a login":                 {"alice", "app:[1]:LOG:  connection authorized: user=alice database=app", loginlog.Tampering},
		"a Babelfish login":       {"alice", "app:[1]:LOG:  connection authorized: user=alice, application=", loginlog.Tampering},
		"a login of a lost role":  {"x", "y:[1]:LOG:  connection authorized: user=x database=y", loginlog.Tampering},
		"a masked sign of life":   {"*****", "app:[1]:ERROR:  x", loginlog.Tampering},
		"in another language":     {"alice", "app:[1]:FEHLER:  x", loginlog.Tampering},
		"in a language not known": {"alice", "app:[1]:ΣΦΑΛΜΑ:  x", loginlog.Tampering},
		"the second prefix":       {"alice", "app:[1]:3:22012:2026-11-22 07:43:01 UTC:1/1:0:1.1:psqlERROR:  x", loginlog.Tampering},
		"no more than a colon":    {"alice", "app:[1]:", loginlog.Refusal},
		"the end of a name":       {"alice", "app\n", loginlog.Refusal},
		"HTTP lines":              {"alice", "app:[1]:LOG:  connection authorized: user=alice database=app\n* ", loginlog.Tampering},
	} {
		message := `password authentication failed for user "` + strings.ReplaceAll(tt.user, "\n", "\n\t") + `"`
		for _, entry := range forms(cut(tt.user)+"@"+cut(tt.database), "FATAL", "28P01", message) {
			if e, kind := parser().Parse(entry); kind != tt.want {
				t.Errorf("%s: %v, want %v: %+v\n%s", name, kind, tt.want, e, entry)
			}
		}
	}
}

// cut shortens a name as PostgreSQL does.
func cut(name string) string { return name[:min(len(name), 63)] }

// inCloudWatch is an entry with a replacement, three bytes long, for each byte that is not UTF-8: the longest that an agent makes of it.
func inCloudWatch(entry string) string {
	var text strings.Builder
	for _, r := range entry {
		text.WriteRune(r)
	}
	return text.String()
}

// An application's name can cost a login its meaning where the names reach so far. It is a session all the same.
func TestContestedLogins(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		entry     string
		contested bool
		user      string
	}{
		"of a role":                                      {authorized(at1, "jane@corp", "app", " application_name=x:[1]:LOG:  y"), true, "jane@corp"},
		"of a role not known":                            {authorized(at1, "gone@corp", "app", " application_name=x:[1]:LOG:  y"), true, ""},
		"a stranger's names":                             {at1 + "jane@corp@app:[1]:LOG:  connection authorized: user=jane@corp database=app application_name=:[101]:FATAL:  expected SASL response, got message type 80", false, ""},
		"a stranger's names, in detail":                  {at1 + "jane@corp@app:[1]:LOG:  connection authorized: user=jane@corp database=app application_name=:[101]:DETAIL:  Role \"jane\" does not exist.", false, ""},
		"a stranger's names with three marks":            {at1 + "jane@corp@app:[1]:LOG:  connection authorized: user=jane@corp database=app application_name=:[2]:LOG:  x:[101]:FATAL:  28P01: password authentication failed for user \"jane\"", false, ""},
		"a stranger's names, at the end of his patience": {at1 + "jane@corp@app:[1]:LOG:  connection authorized: user=jane@corp database=app application_name=:[101]:LOG:  could not receive data from client: Connection reset by peer", false, ""},
		"a disconnection":                                {at1 + "jane@corp@app:[101]:LOG:  disconnection: session time: 0:00:00.030 user=jane@corp database=:[1]:LOG:  x host=10.0.0.7 port=35542", false, ""},
		"no login":                                       {at1 + "jane@corp@app:[101]:ERROR:  :[1]:LOG:  x", false, ""},
	} {
		if e, kind := parser().Parse(tt.entry); kind != loginlog.Tampering || e.Contested != tt.contested || e.Contested && e.User != tt.user {
			t.Errorf("%s: %v, contested %v, want %v: %+v", name, kind, e.Contested, tt.contested, e)
		}
	}
}

// Bytes that are not UTF-8 grow on their way to CloudWatch, and move the server's own mark further away.
func TestAStrangersNamesThatGrow(t *testing.T) {
	t.Parallel()
	fill := strings.Repeat("\xff", 63)
	for name, tt := range map[string]struct {
		user, database string
		want           loginlog.Kind
	}{
		"a sign of life":          {"alice", "app:[4711]:ERROR:  x" + fill, loginlog.Tampering},
		"behind a longer user":    {"alice@app:[4711]:ERROR:  x" + fill, fill, loginlog.Tampering},
		"a masked sign of life":   {"*****", "app:[4711]:ERROR:  x" + fill, loginlog.Tampering},
		"a refusal":               {"alice", `app:[4711]:FATAL:  permission denied for database "` + fill, loginlog.Tampering},
		"the server's own":        {"x", "y:[4711]:LOG:  received SIGHUP, reloading configuration files" + fill, loginlog.Tampering},
		"names of nothing else":   {fill, fill, loginlog.Refusal},
		"a database of that kind": {"alice", fill, loginlog.Refusal},
	} {
		for _, entry := range forms(cut(tt.user)+"@"+cut(tt.database), "FATAL", "28P01", "password authentication failed for user \"x\"") {
			if e, kind := parser().Parse(inCloudWatch(entry)); kind != tt.want {
				t.Errorf("%s: %v, want %v: %+v\n%s", name, kind, tt.want, e, entry)
			}
		}
	}
}

func TestNamesOfAsterisks(t *testing.T) {
	t.Parallel()
	p := loginlog.New([]string{"*****"}, []string{"app"})
	for _, entry := range forms("*****@app", "LOG", "00000", "connection authorized: user=***** database=app") {
		if e, kind := p.Parse(entry); kind != loginlog.Login || e.User != "*****" {
			t.Errorf("the role's own login: %v %+v", kind, e)
		}
	}
	for name, entry := range map[string]string{
		"masked address":          "2026-11-22 07:43:03 UTC:********(35542):alice@app:[101]:LOG:  disconnection: session time: 0:00:00.030 user=alice database=app host=******** port=35542",
		"masked in one place":     "2026-11-22 07:43:03 UTC:********(35542):alice@app:[101]:LOG:  disconnection: session time: 0:00:00.030 user=alice database=app host=10.0.0.7 port=35542",
		"masked in the other":     at1 + "alice@app:[101]:LOG:  disconnection: session time: 0:00:00.030 user=alice database=app host=******** port=35542",
		"address and port masked": "2026-11-22 07:43:03 UTC:********:alice@app:[101]:LOG:  disconnection: session time: 0:00:00.030 user=alice database=app host=********",
	} {
		if e, kind := parser().Parse(entry); kind != loginlog.Disconnection || e.User != "alice" {
			t.Errorf("%s: %v %+v", name, kind, e)
		}
	}
}

// Where several roles can be meant, none of them loses a sign of life.
func TestSignOfSeveralRoles(t *testing.T) {
	t.Parallel()
	e, kind := parser().Parse(at1 + "a@b@c:[101]:ERROR:  division by zero")
	if both := append(e.Others, e.User); kind != loginlog.Sign || len(both) != 2 || both[0] == both[1] {
		t.Errorf("%v of %v", kind, both)
	}
}

func TestServerEntries(t *testing.T) {
	t.Parallel()
	type told struct {
		entry            loginlog.ServerEntry
		parameter, value string
	}
	for message, want := range map[string]told{
		"received SIGHUP, reloading configuration files":                                                                  {loginlog.ReloadRequested, "", ""},
		`parameter "log_connections" changed to "off"`:                                                                    {loginlog.ParameterChanged, "log_connections", "off"},
		`parameter "log_line_prefix" changed to "%m" changed to "x"`:                                                      {loginlog.ParameterChanged, "log_line_prefix", `%m" changed to "x`},
		`parameter "log_connections" removed from configuration file, reset to default`:                                   {loginlog.ParameterReset, "log_connections", ""},
		`parameter "shared_buffers" cannot be changed without restarting the server`:                                      {},
		"starting PostgreSQL 15.18 on x86_64-pc-linux-gnu, compiled by gcc, 64-bit":                                       {loginlog.Starting, "", ""},
		"starting archive recovery":                                                                                       {},
		"database system is ready to accept connections":                                                                  {loginlog.Ready, "", ""},
		"database system is ready to accept read-only connections":                                                        {loginlog.Ready, "", ""},
		"database system is ready to accept read only connections":                                                        {loginlog.Ready, "", ""},
		"received promote request":                                                                                        {loginlog.Promoted, "", ""},
		"database system is shut down":                                                                                    {loginlog.ShutDown, "", ""},
		"database system was shut down at 2026-11-22 07:43:01 UTC":                                                        {},
		"database system was not properly shut down; automatic recovery in progress":                                      {loginlog.NotShutDown, "", ""},
		"database system was interrupted; last known up at 2026-11-22 07:43:01 UTC":                                       {loginlog.NotShutDown, "", ""},
		"terminating any other active server processes":                                                                   {loginlog.CrashedBackend, "", ""},
		"SIGHUP empfangen, Konfigurationsdateien werden neu geladen":                                                      {loginlog.ReloadRequested, "", ""},
		`"work_mem" parametresi "8MB" olarak değiştirildi`:                                                                {loginlog.ParameterChanged, "work_mem", "8MB"},
		"paramètre « log_connections » supprimé du fichier de configuration ;\n\tréinitialisation à la valeur par défaut": {loginlog.ParameterReset, "log_connections", ""},
		"paramètre « log_connections » supprimé du fichier de configuration ;":                                            {loginlog.ParameterReset, "log_connections", ""},
		"checkpoint starting: time":                                                                                       {},
		"parameter \"log_connections\" changed to \"off\"\n*   Trying 127.0.0.1:1108...":                                  {loginlog.ParameterChanged, "log_connections", "off"},
	} {
		prefix := "2026-11-22 07:43:03 UTC::@:[9]:"
		second := "2026-11-22 07:43:03.560 UTC::@:[9]:4:00000:2026-11-22 07:43:01 UTC::0:6b02a10b.9:"
		for _, entry := range []string{prefix + "LOG:  " + message, prefix + "LOG:  00000: " + message, second + "LOG:  " + message} {
			e, kind := parser().Parse(entry)
			if got := (told{e.Server, e.Parameter, e.Value}); kind != loginlog.Server || got != want || e.Session.PID != 9 || !e.Prefixed {
				t.Errorf("%v %+v, want %+v\n%s", kind, e, want, entry)
			}
		}
	}
}

func TestEventsWithoutAPrefix(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		message string
		want    loginlog.Kind
		stamped bool
	}{
		"HTTP client":           {"*   Trying 127.0.0.1:1108...", loginlog.Bystander, false},
		"HTTP request":          {"> POST /authenticateRequest HTTP/1.1\r\nHost: rdsauthproxy:1108\r\nAccept: */*\r\n\r\n", loginlog.Bystander, false},
		"HTTP header line":      {"Content-Length: 1737", loginlog.Bystander, false},
		"HTTP answer":           {"< HTTP/1.1 403 Forbidden", loginlog.Bystander, false},
		"HTTP with a mark":      {"* x:[102]:FATAL:  no", loginlog.Tampering, false},
		"CSV":                   {`2026-11-22 07:43:03.560 UTC,"alice","app",101,"10.0.0.7:35542",6b02a10b.65,3,"authentication",2026-11-22 07:43:01 UTC,3/2,0,LOG,00000,"connection authorized: user=alice database=app"`, loginlog.Bystander, false},
		"CSV of the server":     {"2026-11-22 07:43:03.560 -03,,,101,,6b02a10b.65,3,,2026-11-22 07:43:01 -03,,0,LOG,00000,\"checkpoint starting: time\"", loginlog.Bystander, false},
		"a prefix with a comma": {"2026-11-22 07:43:03.560 UTC,alice,app LOG:  connection authorized: user=alice database=app", loginlog.Unknown, true},
		"a second and a comma":  {`2026-11-22 07:43:03 UTC,"alice" LOG:  connection authorized: user=alice database=app`, loginlog.Unknown, true},
		"JSON":                  {`{"timestamp":"2026-11-22 07:43:03.560 UTC","user":"alice"}`, loginlog.Bystander, false},
		"another prefix":        {"2026-11-22 07:43:03.560 UTC [101] alice@app LOG:  connection authorized: user=alice database=app", loginlog.Unknown, true},
		"a prefix of the stamp": {"2026-11-22 07:43:03 UTC:LOG:  x", loginlog.Tampering, true},
	} {
		if e, kind := parser().Parse(tt.message); kind != tt.want || e.Stamped != tt.stamped || e.Prefixed {
			t.Errorf("%s: %v %+v", name, kind, e)
		}
	}
}

// A publisher that cuts at timestamps leaves the HTTP client's lines with the entry before them.
func TestStrayLinesAfterALogin(t *testing.T) {
	t.Parallel()
	e, kind := parser().Parse(authorized(at1, "alice", "app", tls+"\n*   Trying 127.0.0.1:1108...\n* Connected to rdsauthproxy"))
	if kind != loginlog.Login || e.User != "alice" {
		t.Errorf("%v %+v", kind, e)
	}
}
