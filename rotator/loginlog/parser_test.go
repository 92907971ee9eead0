package loginlog_test

import (
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/loginlog"
)

const (
	at1 = "2026-11-22 07:43:03 UTC:10.0.0.7(35542):"
	at2 = "2026-11-22 07:43:03.560 UTC:10.0.0.7(35542):"
	// between is what the second prefix writes after the process id.
	between = "3:00000:2026-11-22 07:43:01 UTC:1/1:0:6b02a10b.3134:[unknown]"
	refused = "4:28000:2026-11-22 07:43:01 UTC:1/1:0:6b02a10b.3134:[unknown]"
	tls     = " SSL enabled (protocol=TLSv1.2, cipher=ECDHE-RSA-AES256-GCM-SHA384, bits=256, compression=off)"
)

var (
	roles     = []string{"alice", "a", "a@b", "jane@corp", "repl", "two\nlines", "x database=postgres", "x:[1]:y", "LOG:  z", "用户"}
	databases = []string{"postgres", "app", "b@c", "c", "my db", "two\nlines", "d application_name=z", "x:[1]:LOG:  z"}
)

func parser() *loginlog.Parser { return loginlog.New(roles, databases) }

func authorized(prefix, user, database, tail string) string {
	return prefix + user + "@" + database + ":[101]:LOG:  connection authorized: user=" +
		strings.ReplaceAll(user, "\n", "\n\t") + " database=" + strings.ReplaceAll(database, "\n", "\n\t") + tail
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ message, user, database string }{
		"plain":                           {authorized(at1, "alice", "postgres", ""), "alice", "postgres"},
		"IAM, with compression":           {authorized(at1, "alice", "postgres", tls), "alice", "postgres"},
		"trailing newline":                {authorized(at1, "alice", "postgres", "\n"), "alice", "postgres"},
		"empty application name":          {authorized(at1, "alice", "postgres", " application_name="), "alice", "postgres"},
		"Kerberos":                        {authorized(at1, "alice", "postgres", tls+" GSS (authenticated=yes, encrypted=no, delegated_credentials=no, principal=alice@CORP)"), "alice", "postgres"},
		"Kerberos, principal not ASCII":   {authorized(at1, "alice", "postgres", " application_name=x GSS (authenticated=yes, encrypted=no, principal=jürgen@CORP)"), "alice", "postgres"},
		"application name forges a user":  {authorized(at1, "alice", "postgres", " application_name=x database=app connection authorized: user=a database=c"), "alice", "postgres"},
		"application name forges a mark":  {authorized(at1, "alice", "postgres", " application_name=x:[9]:LOG:  connection authorized: user=a database=c"), "alice", "postgres"},
		"role holds an @":                 {authorized(at1, "a@b", "c", ""), "a@b", "c"},
		"database holds an @":             {authorized(at1, "a", "b@c", ""), "a", "b@c"},
		"role holds database=":            {authorized(at1, "x database=postgres", "postgres", ""), "x database=postgres", "postgres"},
		"role holds :[1]:":                {authorized(at1, "x:[1]:y", "postgres", ""), "x:[1]:y", "postgres"},
		"role holds LOG:":                 {authorized(at1, "LOG:  z", "postgres", ""), "LOG:  z", "postgres"},
		"role not ASCII":                  {authorized(at1, "用户", "my db", ""), "用户", "my db"},
		"role and database hold newlines": {authorized(at1, "two\nlines", "two\nlines", ""), "two\nlines", "two\nlines"},
		"database reads as a mark":        {authorized(at1, "alice", "x:[1]:LOG:  z", ""), "alice", "x:[1]:LOG:  z"},
		"database ends as a tail begins":  {authorized(at1, "alice", "d application_name=z", ""), "alice", "d application_name=z"},
		"IPv6":                            {authorized("2026-11-22 07:43:03 UTC:fe80::1%eth0(35542):", "alice", "postgres", ""), "alice", "postgres"},
		"host name":                       {authorized("2026-11-22 07:43:03 UTC:ip-10-0-0-7.ec2.internal(35542):", "alice", "postgres", ""), "alice", "postgres"},
		"Unix socket":                     {authorized("2026-11-22 07:43:03 UTC:[local]:", "alice", "postgres", ""), "alice", "postgres"},
		"zone without letters":            {authorized("2026-11-22 07:43:03 -03:10.0.0.7(35542):", "alice", "postgres", ""), "alice", "postgres"},
		"second prefix":                   {at2 + "alice@app:[101]:" + between + "LOG:  connection authorized: user=alice database=app", "alice", "app"},
		"second prefix, application name": {at2 + "alice@app:[101]:" + strings.TrimSuffix(between, "[unknown]") + "a LOG:  bLOG:  connection authorized: user=alice database=app", "alice", "app"},
	} {
		event, kind := parser().Parse(tt.message)
		if kind != loginlog.Login || event.User != tt.user || event.Database != tt.database || event.Replication || event.Session.PID != 101 {
			t.Errorf("%s: %v %+v\n%s", name, kind, event, tt.message)
		}
	}
}

func TestReplicationLogin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ message, database string }{
		"physical": {at1 + "repl@[unknown]:[101]:LOG:  replication connection authorized: user=repl application_name=standby", ""},
		"logical":  {at1 + "repl@app:[101]:LOG:  replication connection authorized: user=repl" + tls, "app"},
	} {
		event, kind := parser().Parse(tt.message)
		if kind != loginlog.Login || event.User != "repl" || event.Database != tt.database || !event.Replication {
			t.Errorf("%s: %v %+v", name, kind, event)
		}
	}
}

func TestKind(t *testing.T) {
	t.Parallel()
	const end = "disconnection: session time: 200:00:00.030 user=alice database=app host=10.0.0.7 port="
	for name, tt := range map[string]struct {
		message string
		want    loginlog.Kind
	}{
		"connection received":                  {at1 + "[unknown]@[unknown]:[101]:LOG:  connection received: host=10.0.0.7 port=35542", loginlog.Attempt},
		"background process":                   {"2026-11-22 07:43:03 UTC::@:[9]:LOG:  checkpoint starting: time", loginlog.Server},
		"role not in the catalogue":            {authorized(at1, "victim", "app", ""), loginlog.OtherLogin},
		"database not in the catalogue":        {authorized(at1, "alice", "gone", ""), loginlog.Login},
		"PAM failure, its cause":               {at1 + "alice@app:[101]:LOG:  pam_authenticate failed: Permission denied", loginlog.Attempt},
		"PAM failure":                          {at1 + `alice@app:[101]:FATAL:  PAM authentication failed for user "alice"`, loginlog.Refusal},
		"wrong password":                       {at1 + `alice@app:[101]:FATAL:  password authentication failed for user "alice"`, loginlog.Refusal},
		"terminated":                           {at1 + "alice@app:[101]:FATAL:  terminating connection due to administrator command", loginlog.Ambiguous},
		"error in a session":                   {at1 + `alice@app:[101]:ERROR:  permission denied for table t`, loginlog.Sign},
		"no login allowed":                     {at1 + `alice@app:[101]:FATAL:  role "alice" is not permitted to log in`, loginlog.Refusal},
		"no login allowed, second prefix":      {at2 + "alice@app:[101]:" + refused + `FATAL:  role "alice" is not permitted to log in`, loginlog.Refusal},
		"reserved slots, 16 and later":         {at1 + "alice@app:[101]:FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", loginlog.Refusal},
		"no replication, 16 and later":         {at1 + "alice@[unknown]:[101]:FATAL:  permission denied to start WAL sender", loginlog.Refusal},
		"fatal with a code of success":         {at2 + "alice@app:[101]:" + between + "FATAL:  permission denied for x", loginlog.Unknown},
		"end":                                  {at1 + "alice@app:[101]:LOG:  " + end + "35542", loginlog.Disconnection},
		"end of another connection":            {at1 + "alice@app:[101]:LOG:  " + end + "1", loginlog.Tampering},
		"end of another's session":             {at1 + "a@c:[101]:LOG:  " + end + "35542", loginlog.Tampering},
		"end without a duration":               {at1 + "alice@app:[101]:LOG:  disconnection: session time: soon", loginlog.Tampering},
		"end over a Unix socket":               {"2026-11-22 07:43:03 UTC:[local]:alice@app:[101]:LOG:  disconnection: session time: 0:00:00.030 user=alice database=app host=[local]", loginlog.Disconnection},
		"end with more text":                   {at1 + "alice@app:[101]:LOG:  " + end + "35542 x", loginlog.Tampering},
		"RAISE LOG names another":              {at1 + "alice@app:[101]:LOG:  connection authorized: user=a database=c", loginlog.Tampering},
		"text after the tail":                  {authorized(at1, "alice", "app", " and more"), loginlog.Tampering},
		"line after the tail":                  {authorized(at1, "alice", "app", "\n:[102]:FATAL:  password authentication failed"), loginlog.Tampering},
		"newline in the application name":      {authorized(at1, "alice", "app", " application_name=x\ny"), loginlog.Tampering},
		"text after TLS":                       {authorized(at1, "alice", "app", tls+" x"), loginlog.Tampering},
		"login without a database":             {at1 + "alice@[unknown]:[101]:LOG:  connection authorized: user=alice database=[unknown]", loginlog.Tampering},
		"login with an empty database":         {at1 + "alice@[unknown]:[101]:LOG:  connection authorized: user=alice database=", loginlog.Tampering},
		"stranger takes an @ for the cut":      {at1 + "jane@corp@app:[1]:LOG:  connection authorized: user=jane@corp database=app application_name=:[102]:FATAL:  password authentication failed for user \"x\"", loginlog.Tampering},
		"stranger dresses up a refusal":        {at1 + "alice@app:[1]:FATAL:  permission denied for x:[102]:FATAL:  password authentication failed for user \"alice\"", loginlog.Tampering},
		"stranger's names not known":           {at1 + "victim@d:[1]:LOG:  connection authorized: user=victim database=d:[102]:FATAL:  no", loginlog.Tampering},
		"whose refusal: a, b@c or a@b, c":      {at1 + `a@b@c:[101]:FATAL:  permission denied for database "c"`, loginlog.Tampering},
		"rest of a name":                       {":[11795]:FATAL:  password authentication failed for user \"alice\"", loginlog.Tampering},
		"rest of a name behind a tab":          {"\t:[11795]:FATAL:  password authentication failed for user \"alice\"", loginlog.Tampering},
		"beginning of a name":                  {at1 + "two", loginlog.Tampering},
		"further line of a message":            {"\tConnection matched pg_hba.conf line 91: \"host all all all md5\"", loginlog.Bystander},
		"empty":                                {"", loginlog.Tampering},
		"no timestamp":                         {authorized("", "alice", "app", ""), loginlog.Tampering},
		"no host":                              {authorized("2026-11-22 07:43:03 UTC:", "alice", "app", ""), loginlog.Tampering},
		"port too large":                       {authorized("2026-11-22 07:43:03 UTC:10.0.0.7(65536):", "alice", "app", ""), loginlog.Tampering},
		"process id too large for an integer":  {at1 + "alice@app:[99999999999999999999]:LOG:  connection authorized: user=alice database=app", loginlog.Tampering},
		"second prefix without a severity":     {at2 + "alice@app:[101]:" + between, loginlog.Unknown},
		"second prefix, name longer than %a's": {at2 + "alice@app:[101]:" + strings.TrimSuffix(between, "[unknown]") + strings.Repeat("x", 64) + "LOG:  connection authorized: user=alice database=app", loginlog.Unknown},
	} {
		if event, kind := parser().Parse(tt.message); kind != tt.want {
			t.Errorf("%s: %v %+v, want %v\n%s", name, kind, event, tt.want, tt.message)
		}
	}
}

func TestSessionPairsALoginWithItsRefusal(t *testing.T) {
	t.Parallel()
	p := parser()
	login, _ := p.Parse(authorized(at1, "alice", "app", ""))
	refusal, kind := p.Parse(at1 + `alice@app:[101]:FATAL:  role "alice" is not permitted to log in`)
	want := loginlog.Session{PID: 101, Host: "10.0.0.7", Port: 35542}
	if kind != loginlog.Refusal || login.Session != want || refusal.Session != want {
		t.Errorf("sessions %+v and %+v (%v), want %+v", login.Session, refusal.Session, kind, want)
	}
	other, _ := p.Parse(authorized("2026-11-22 07:43:03 UTC:10.0.0.8(35542):", "alice", "app", ""))
	if other.Session == want {
		t.Error("the same process id and port on another host is the same session")
	}
}

func TestForgeable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		message string
		want    bool
	}{
		"short names":         {authorized(at1, "alice", "app", ""), true},
		"longer names":        {authorized(at1, "alice", "postgres", ""), false},
		"short names, TLS":    {authorized(at1, "alice", "app", tls), false},
		"role with an @":      {authorized(at1, "jane@corp", "app", ""), true},
		"role with an @, TLS": {authorized(at1, "jane@corp", "app", tls), false},
	} {
		event, kind := parser().Parse(tt.message)
		if kind != loginlog.Login || event.Forgeable != tt.want {
			t.Errorf("%s: %v, forgeable %v, want %v", name, kind, event.Forgeable, tt.want)
		}
	}
}

func TestLoggedAt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prefix string
		want   time.Time
	}{
		"seconds":      {at1, time.Date(2026, 11, 22, 7, 43, 3, 0, time.UTC)},
		"milliseconds": {at2, time.Date(2026, 11, 22, 7, 43, 3, 560e6, time.UTC)},
		"not UTC":      {"2026-11-22 07:43:03 CET:10.0.0.7(35542):", time.Time{}},
		"no such day":  {"2026-02-31 07:43:03 UTC:10.0.0.7(35542):", time.Time{}},
	} {
		event, kind := parser().Parse(authorized(tt.prefix, "alice", "app", ""))
		got, ok := event.LoggedAt()
		if kind != loginlog.Login || !got.Equal(tt.want) || ok == tt.want.IsZero() {
			t.Errorf("%s: %v %v %v, want %v", name, kind, got, ok, tt.want)
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	p := parser()
	for name, message := range map[string]string{
		"login":      authorized(at1, "alice", "app", tls),
		"nothing":    at1 + "[unknown]@[unknown]:[101]:LOG:  connection received: host=10.0.0.7 port=35542",
		"refusal":    at1 + `alice@app:[101]:FATAL:  role "alice" is not permitted to log in`,
		"suspicious": ":[11795]:FATAL:  password authentication failed",
	} {
		if n := testing.AllocsPerRun(100, func() { p.Parse(message) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
