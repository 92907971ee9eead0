package model_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
)

// person is a role with its row, and what it really did.
type person struct {
	account account.Account
	habit   habit
	next    time.Time
	refused bool // its attempts are authorized, and refused all the same
	tds     bool // it logs in by Babelfish
	shut    bool // a DBA has let it in since it was locked, and shut it again
	on      *server
	session *client
	began   time.Time  // when the session began
	until   time.Time  // when it ends
	seen    bool       // a run has seen the session
	deeds   []activity // in order of time
	excuse  time.Time  // the latest moment for which it may count as active
	// refusedAt is when it was refused last, which rows cannot tell from a login.
	refusedAt time.Time
}

// activity is something that a role did, and the event that shows it; nil = it was seen by a run, or by a DBA.
type activity struct {
	at    time.Time
	proof *entry
}

// habit is how often somebody logs in.
type habit int

const (
	never habit = iota
	daily
	barely  // mostly just in time, so that a single login missed shows
	tooLate // mostly just after the time, at the moment of the lock
	anyhow
)

// cast are the people of a world.
func (w *world) cast() {
	names := []string{"p0", "p1", "p2", "p3", "p4", "p5", "ann@example.com", "jos\xe9", "eve"}
	habits := []habit{never, daily, barely, barely, tooLate, anyhow, barely, barely, daily}
	for n, name := range names {
		p := &person{habit: habits[n], excuse: w.now, account: account.Account{OID: int64(n + 1), Name: name, Quoted: name, CanLogin: true,
			Tracked: true, Status: account.Active, LastLogin: w.now, StatusChanged: w.now, Directly: true}}
		p.refused = n == 1 && w.chance(33)
		p.tds = n == 5 && w.chance(50)
		p.next = w.now.Add(w.within(day))
		if name == "jos\xe9" {
			p.account.Unlogged = "its name is in another encoding"
		}
		w.people = append(w.people, p)
	}
}

// did notes that a role was active.
func (w *world) did(p *person, proof *entry) {
	p.deeds = append(p.deeds, activity{w.now, proof})
	p.excuse = later(p.excuse, w.now)
}

// act lets people do what is due.
func (w *world) act() {
	for _, p := range w.people {
		switch {
		case p.on != nil && !w.now.Before(p.until):
			w.endSession(p, true)
		case p.on != nil:
			p.excuse = w.now
			if w.chance(20) {
				w.did(p, w.write(p.on, p.session, "ERROR", `relation "x" does not exist`))
			}
		case p.habit != never && !w.now.Before(p.next):
			p.next = w.now.Add(w.absence(p.habit))
			live := w.live()
			w.visit(p, live[w.rng.IntN(len(live))])
		}
	}
}

// absence is the time until the next login.
func (w *world) absence(h habit) time.Duration {
	limit := time.Duration(max(w.lockDays, 1)) * day
	if w.lockDays == 0 {
		limit = time.Duration(w.deleteDays) * day
	}
	switch {
	case h == daily || w.chance(20):
		return day
	case h == barely:
		return limit - 9*time.Hour - w.within(12*time.Hour)
	case h == tooLate:
		return limit + w.within(26*time.Hour)
	}
	return w.within(limit + 3*day)
}

// visit is an attempt to log in, and where it is let in, a session.
func (w *world) visit(p *person, s *server) {
	c := w.connect(p)
	proof := w.authorize(s, c, p.tds)
	switch {
	case !p.account.CanLogin:
		w.refuse(p, proof, w.write(s, c, "FATAL", fmt.Sprintf("role %q is not permitted to log in", c.user)))
		w.goAway(s, c)
		if w.chance(50) {
			w.letIn(p, s)
		}
	case p.refused:
		w.refuse(p, proof, w.write(s, c, "FATAL", fmt.Sprintf("too many connections for role %q", c.user)))
		w.goAway(s, c)
	default:
		w.begins(s, c.database, proof)
		w.did(p, proof)
		w.stay(p, s, c)
	}
}

// refuse has a refusal arrive with its login where they are in one stream, since the server writes both within moments.
func (w *world) refuse(p *person, login, refusal *entry) {
	p.refusedAt, refusal.refuses = w.now, p
	switch {
	case login.straggled || refusal.straggled || refusal.lost:
		p.excuse = w.now
	case login.to == refusal.to && !login.lost:
		refusal.arrives = login.arrives
	}
}

// connect makes the connection of an attempt.
func (w *world) connect(p *person) *client {
	w.pid++
	c := &client{user: strings.ToValidUTF8(p.account.Name, "\uFFFD"), database: "app", pid: w.pid, port: 1024 + w.pid%60000}
	switch {
	case p.tds:
		c.database = "babelfish_db"
	case w.chance(5):
		c.database = passing
	}
	return c
}

// authorize writes the entry of a login, in the form and the language of the instance.
func (w *world) authorize(s *server, c *client, tds bool) *entry {
	if s.logging.Connections != "on" {
		return &entry{at: w.now, lost: true}
	}
	switch {
	case tds:
		return w.write(s, c, "LOG", fmt.Sprintf("connection authorized: user=%s, application=Invoices, Tds Version=0x74000004.", c.user))
	case s.german:
		return w.write(s, c, "LOG", fmt.Sprintf("Verbindung autorisiert: Benutzer=%s Datenbank=%s", c.user, c.database))
	}
	return w.write(s, c, "LOG", fmt.Sprintf("connection authorized: user=%s database=%s", c.user, strings.ReplaceAll(c.database, "\n", "\n\t")))
}

// stay is a session that is over at once, or lasts.
func (w *world) stay(p *person, s *server, c *client) {
	p.seen, c.application = false, "psql"
	p.on, p.session, p.began, p.until = s, c, w.now, w.now
	switch w.rng.IntN(10) {
	case 0, 1:
		p.until = w.now.Add(4*day + w.within(60*day))
		return
	case 2, 3:
		p.until = w.now.Add(w.within(16 * time.Hour))
		return
	}
	if !slices.Contains(w.unheard(), p.account.Name) { // whose one login a forged refusal takes back, in rows
		w.beset(p, s, c)
	}
	w.endSession(p, true)
}

// beset has others write what could be taken for a refusal of somebody's login.
func (w *world) beset(p *person, s *server, c *client) {
	if w.has.strangers && w.chance(10) || w.has.forgers {
		w.forge(s, c)
	}
	if w.has.intrigue && w.chance(5) && p.account.Name != "eve" {
		w.sever(s, c)
	}
}

// goAway has whoever was refused be gone before he was told.
func (w *world) goAway(s *server, c *client) {
	if w.has.staff && !s.german {
		defer w.drawAside()()
		w.write(s, c, "LOG", "could not send data to client: Broken pipe")
	}
}

// drawAside has what is done until the call that it returns change nothing else that happens.
func (w *world) drawAside() func() {
	ordinary := w.rng
	w.rng = w.aside
	return func() { w.rng = ordinary }
}

// tend has RDS look after an instance, and replication read on: their logins are in the log, and in no count of sessions.
func (w *world) tend(s *server) {
	if s.logging.Connections != "on" {
		return
	}
	defer w.drawAside()()
	login, replication := w.in(s, "connection authorized: user=rdsadmin database=rdsadmin", "Verbindung autorisiert: Benutzer=rdsadmin Datenbank=rdsadmin"),
		w.in(s, "replication connection authorized: user=dms", "Replikationsverbindung autorisiert: Benutzer=dms")
	w.write(s, &client{user: "rdsadmin", database: "rdsadmin", pid: 400 + w.rng.IntN(9000)}, "LOG", login)
	if w.chance(30) {
		w.write(s, &client{user: "dms", database: "app", pid: 400 + w.rng.IntN(9000), port: 1024 + w.rng.IntN(60000)}, "LOG", replication)
	}
}

// letIn is what a DBA does for a role that is locked: for good, or until it has done its work.
func (w *world) letIn(p *person, s *server) {
	p.account.CanLogin = true
	if !w.has.shutAgain || w.chance(50) {
		w.did(p, nil)
		return
	}
	w.now = w.now.Add(3 * time.Second)
	c := w.connect(p)
	proof := w.authorize(s, c, p.tds)
	w.did(p, proof)
	w.begins(s, c.database, proof)
	p.on, p.session, p.began, p.until, p.seen = s, c, w.now, w.now, false
	w.now = w.now.Add(3 * time.Second)
	w.endSession(p, true)
	p.account.CanLogin, p.shut = false, true
}

// endSession ends a session, in the log where it ends in order and log_disconnections is on.
func (w *world) endSession(p *person, orderly bool) {
	s, c := p.on, p.session
	p.on = nil
	p.excuse = later(p.excuse, w.now)
	switch {
	case orderly && !w.unlogged && !s.german && !s.dead:
		lasted := w.now.Sub(p.began).Truncate(time.Millisecond)
		proof := w.write(s, c, "LOG", fmt.Sprintf("disconnection: session time: %d:%02d:%02d.000 user=%s database=%s host=10.0.0.1 port=%d",
			int(lasted.Hours()), int(lasted.Minutes())%60, int(lasted.Seconds())%60, c.user, c.database, c.port))
		w.did(p, proof)
	case p.seen:
		w.did(p, nil) // the runs know that it was there the last time
	}
}

func (w *world) endSessions(s *server, orderly bool) {
	for _, p := range w.people {
		if p.on == s {
			w.endSession(p, orderly)
		}
	}
}
