package sweep_test

import (
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/sweep/evidence"
)

// A role that is locked has been let in if a session of it began after the lock. What else shows it active moves its clock up to the lock
// only, by which the lock is undone, unless it has been let in before.
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
	atLock, later := lock.Add(1999*time.Millisecond), lock.Add(time.Hour)
	for name, tt := range map[string]struct {
		letIn           bool // before
		source          string
		at, began       time.Time
		last, lockedNow time.Time
	}{
		"login":         {false, evidence.ByLogin, later, later, later, later},
		"disconnection": {false, evidence.ByDisconnection, later, later.Add(-time.Minute), later, later},
		"ofbefore":      {false, evidence.ByDisconnection, later, lock.Add(-time.Hour), atLock, lock},
		"sign":          {false, evidence.BySignOfLife, later, time.Time{}, atLock, lock},
		"signafter":     {false, evidence.BySignOfLife, later, later.Add(-time.Minute), later, later},
		"unread":        {false, evidence.ByUnreadEntry, later, time.Time{}, atLock, lock},
		"late":          {false, evidence.ByLogin, lock.Add(-time.Hour), lock.Add(-time.Hour), lock.Add(-time.Hour), lock},
		"session":       {false, evidence.BySession, later, time.Time{}, lock.AddDate(0, 0, -100), lock},
		"letinsign":     {true, evidence.BySignOfLife, later, time.Time{}, later, later},
		"letinend":      {true, evidence.ByDisconnection, lock.Add(time.Second), lock.Add(-time.Second), lock.Add(time.Second), lock.Add(time.Second)},
		"letinsession":  {true, evidence.BySession, later, time.Time{}, lock, lock},
	} {
		role := s.user(name, 0)
		last := lock.AddDate(0, 0, -100)
		if tt.letIn {
			last = lock
		}
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
