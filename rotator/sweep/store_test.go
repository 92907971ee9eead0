package sweep_test

import (
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/sweep/evidence"
)

// A role that is locked has been let in if a session of it is known to have begun after the lock. Other activity since moves its clock, and
// not its lock. What shows it active when it was locked moves its lock to just before its latest activity, by which it is undone.
func TestStoredActivityOfALockedRole(t *testing.T) {
	t.Parallel()
	s := newStage(t, newestServer(t), localaws.PublishOptions{})
	session, err := postgres.Opener{Roots: postgres.NewRoots(s.server.CAFile())}.Open(t.Context(),
		postgres.Server{Host: s.server.Host(), Plaintext: true, Port: uint16(s.server.Port()), Database: s.prefix}, postgres.Login{User: s.prefix + "_a", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close(t.Context()) })
	lock := time.Now().UTC().Truncate(time.Second).Add(-10 * time.Hour)
	soon, later := lock.Add(time.Minute), lock.Add(time.Hour)
	const idle, letIn, active = "idle since", "let in", "active since"
	for name, tt := range map[string]struct {
		before          string
		source          string
		at, began       time.Time
		last, lockedNow time.Time
	}{
		"login":         {idle, evidence.ByLogin, later, later, later, later},
		"disconnection": {idle, evidence.ByDisconnection, later, later.Add(-time.Minute), later, later},
		"endofunknown":  {idle, evidence.ByDisconnection, later, later, later, lock},
		"ofbefore":      {idle, evidence.ByDisconnection, later, lock.Add(-time.Hour), later, later.Add(-time.Millisecond)},
		"sign":          {idle, evidence.BySignOfLife, later, later, later, lock},
		"signafter":     {idle, evidence.BySignOfLife, later, later.Add(-time.Minute), later, later},
		"signofbefore":  {idle, evidence.BySignOfLife, later, time.Time{}, later, later.Add(-time.Millisecond)},
		"signatlock":    {idle, evidence.BySignOfLife, lock.Add(time.Second), time.Time{}, lock.Add(time.Second), lock.Add(999 * time.Millisecond)},
		"unread":        {idle, evidence.ByUnreadEntry, later, later, later, lock},
		"late":          {idle, evidence.ByLogin, lock.Add(-time.Hour), lock.Add(-time.Hour), lock.Add(-time.Hour), lock},
		"session":       {idle, evidence.BySession, later, time.Time{}, lock.AddDate(0, 0, -100), lock},
		"letinsign":     {letIn, evidence.BySignOfLife, later, time.Time{}, later, later},
		"letinend":      {letIn, evidence.ByDisconnection, lock.Add(time.Second), lock.Add(-time.Second), lock.Add(time.Second), lock.Add(time.Second)},
		"letinsession":  {letIn, evidence.BySession, later, time.Time{}, lock, lock},
		"letinlate":     {letIn, evidence.ByLogin, lock.Add(-time.Hour), time.Time{}, lock, lock},
		"activelate":    {active, evidence.ByLogin, lock.Add(-time.Hour), time.Time{}, soon, soon.Add(-time.Millisecond)},
		"activeend":     {active, evidence.ByDisconnection, later, time.Time{}, later, later.Add(-time.Millisecond)},
		"activeknown":   {active, evidence.ByLogin, lock.Add(-time.Hour), lock.Add(-time.Hour), soon, lock},
		"activesign":    {active, evidence.BySignOfLife, later, later, later, lock},
		"activelogin":   {active, evidence.ByLogin, later, later, later, later},
		"activeproven":  {active, evidence.ByLogin, soon, soon, soon, soon},
		"activebefore":  {active, evidence.ByLogin, lock.Add(3 * time.Second), lock.Add(3 * time.Second), soon, soon},
		"activesession": {active, evidence.BySession, later, time.Time{}, soon, lock},
	} {
		role := s.user(name, 0)
		last := map[string]time.Time{idle: lock.AddDate(0, 0, -100), letIn: lock, active: soon}[tt.before]
		s.exec("UPDATE user_login_status SET status = 'Locked', locked_at = $2, last_login_time = $3 WHERE user_name = $1", role, lock, last)
		if err := account.Store(t.Context(), session, account.Tables{Schema: "public"}, []account.Activity{{Role: role, At: tt.at, Began: tt.began, Source: tt.source}}, nil, nil); err != nil {
			t.Fatal(err)
		}
		stored := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", role)
		locked := query[time.Time](s, "SELECT locked_at FROM user_login_status WHERE user_name = $1", role)
		if !stored.Equal(tt.last) || !locked.Equal(tt.lockedNow) {
			t.Errorf("%s: active at %s, locked at %s; want %s and %s", name, stored.UTC(), locked.UTC(), tt.last, tt.lockedNow)
		}
	}
}
