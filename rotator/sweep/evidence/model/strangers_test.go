package model_test

import (
	"fmt"
	"strings"
	"time"

	"pgrotator/rotator/sweep/evidence"
)

// strange has somebody without credentials try names of any kind. None of it may count for anybody, or against.
func (w *world) strange() {
	live := w.live()
	s := live[w.rng.IntN(len(live))]
	if s.german {
		return
	}
	w.pid++
	c := &client{database: "app", pid: w.pid, port: 1024 + w.pid%60000}
	c.user = []string{"p0", "ann@example.com", "*****", "nobody", "app_a", "p0@app:[7]:LOG:  connection authorized: user=p0"}[w.rng.IntN(6)]
	switch w.rng.IntN(5) {
	case 0:
		c.database = "app:[4711]:STATEMENT:  select 1"
	case 1:
		c.database = "app:[4711]:LOG:  connection authorized: user=p0 database=app"
	}
	if len(c.user) > 63 {
		c.user = c.user[:63]
	}
	w.write(s, c, "LOG", "connection received: host=10.0.0.1 port=999")
	if w.chance(20) {
		w.write(s, c, "LOG", "could not receive data from client: Connection reset by peer")
		return
	}
	w.write(s, c, "FATAL", fmt.Sprintf("password authentication failed for user %q", c.user))
	w.write(s, c, "DETAIL", `Connection matched pg_hba.conf line 95: "host all all all md5"`)
}

// intrigue has a role that may log in, make temporary objects and read pg_stat_activity write what such a role can.
func (w *world) intrigue() {
	eve := w.named("eve")
	if eve == nil || !eve.account.CanLogin {
		return
	}
	live := w.live()
	s := live[w.rng.IntN(len(live))]
	c := w.connect(eve)
	switch w.rng.IntN(5) {
	case 0:
		w.raise(s, c)
	case 1:
		w.impersonate(s, c)
	case 2:
		w.makeDatabase(eve, s, c)
	default:
		proof := w.authorize(s, c, false)
		w.did(eve, proof)
		w.begins(s, c.database, proof)
		w.write(s, c, "ERROR", "connection authorized: user=p0 database=app")
		w.write(s, c, "LOG", "disconnection: session time: 0:00:01.000 user=p0 database=app host=10.0.0.1 port=1000")
	}
}

// raise is RAISE LOG in parallel workers, whose entries have no names: they look like the server's own.
func (w *world) raise(s *server, c *client) {
	proof := w.authorize(s, c, false)
	w.did(w.named("eve"), proof)
	w.begins(s, c.database, proof)
	w.pid++
	worker := &server{Instance: s.Instance, logging: s.logging, verbose: s.verbose, pid: w.pid}
	for _, text := range []string{
		"received SIGHUP, reloading configuration files", `parameter "log_connections" changed to "on"`, `parameter "log_min_messages" changed to "fatal"`,
		"starting PostgreSQL 15.14", "database system was not properly shut down; automatic recovery in progress",
		"connection authorized: user=p0 database=app",
	} {
		if s.logs("LOG") && w.chance(50) {
			w.export(s, w.streamOf(s), worker.line(w.now.Truncate(time.Second), nil, "LOG", text))
		}
	}
}

// impersonate logs in under the application names of the sweep.
func (w *world) impersonate(s *server, c *client) {
	for _, name := range []string{w.canary, evidence.StoredName("stack", 9999), "x:[1]:LOG:  y", "x application_name=" + evidence.StoredName("stack", 9999)} {
		if s.logging.Connections == "on" && name != "" {
			proof := w.write(s, c, "LOG", fmt.Sprintf("connection authorized: user=%s database=%s application_name=%s", c.user, c.database, name))
			w.did(w.named("eve"), proof)
			w.begins(s, c.database, proof)
			c = w.connect(w.named("eve"))
		}
	}
}

// makeDatabase has a role that may create databases log in to one, and drop it again some time later. While there is one whose name
// holds a line end, no run judges anybody.
func (w *world) makeDatabase(eve *person, s *server, c *client) {
	c.database = []string{"app:[7]:LOG:  connection authorized: user=p0 database=app", "*****", "a@app", "x\ny"}[w.rng.IntN(4)]
	if w.byRows > 0 && strings.Contains(c.database, ":[7]") {
		return // rows show no login of two readings
	}
	proof := w.authorize(s, c, false)
	w.begins(s, passing, proof)
	if strings.Contains(c.database, "\n") {
		w.lineEnd = w.now.Add(w.within(2 * day))
		w.disturbed(w.lineEnd)
		proof.beyond = proof.beyond || w.has.cuts // the contract's exception
	}
	w.did(eve, proof)
}

// forge has a stranger log in by names that would read, where the publisher cuts events at newlines, as the refusal of somebody's login.
func (w *world) forge(s *server, victim *client) {
	w.pid++
	c := &client{user: fmt.Sprintf("x\n%s UTC:10.0.0.1(%d):%s", w.now.Format(time.DateTime), victim.port, victim.user),
		database: fmt.Sprintf("app:[%d]:FATAL:  role %q is not permitted to log in\n", victim.pid, victim.user), pid: w.pid, port: 1024 + w.pid%60000}
	if len(c.user) <= 63 && len(c.database) <= 63 {
		w.forged()
		w.write(s, c, "FATAL", fmt.Sprintf("password authentication failed for user \"%s\"", strings.ReplaceAll(c.user, "\n", "\n\t")))
	}
}

// sever writes an entry so long that the publisher cuts it, and whose rest reads as if somebody's login had been refused.
func (w *world) sever(s *server, victim *client) {
	eve := w.named("eve")
	if eve == nil || !eve.account.CanLogin || !s.logs("FATAL") {
		return
	}
	to, c := w.streamOf(s), w.connect(eve)
	first := w.export(s, to, s.line(w.now.Truncate(time.Second), c, "STATEMENT", "select '"+cutAt))
	w.did(eve, first)
	if first.straggled {
		return // its rest would come right behind it
	}
	w.forged()
	w.export(s, to, s.line(w.now.Truncate(time.Second), victim, "FATAL", fmt.Sprintf("role %q is not permitted to log in", victim.user)))
}

// forged notes a refusal that rows take for the server's: by it the log holds a login less than there were.
func (w *world) forged() {
	if w.byRows > 0 {
		w.sums = w.now
	}
}

var cutAt = strings.Repeat("x", 200_000)

// mask is an event as whoever lacks logs:Unmask reads it while a data protection policy is at work.
func (w *world) mask(message string) string {
	if !w.now.Before(w.masksUntil) {
		return message
	}
	return strings.ReplaceAll(message, "ann@example.com", "***************")
}

func (w *world) named(name string) *person {
	for _, p := range w.people {
		if p.account.Name == name {
			return p
		}
	}
	return nil
}
