package evidence_test

import (
	"maps"
	"testing"
	"time"

	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// What is turned away is counted by role, however it would have proved itself; the same event twice once, and whoever is no role not.
func TestFailedLoginsAreCountedByRole(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 7, 43, 3, 0, time.UTC)
	log := evidence.NewLog(at.Add(time.Hour), evidence.Names{Roles: []string{"jane", "app"}, Databases: []string{"db"}})
	send := func(stream, client, message string, after time.Duration) {
		log.Event(logread.Event{Stream: stream, At: at.Add(after).UnixMilli(), Message: at.Add(after).Format(time.DateTime) + " UTC:10.0.0.7(4000):" + client + ":" + message})
	}
	for range 2 {
		send("db-0.0", "jane@db", `[101]:LOG:  pam_authenticate failed: Permission denied`, time.Second)
		send("db-0.0", "jane@db", `[101]:FATAL:  PAM authentication failed for user "jane"`, time.Second)
	}
	send("db-1.0", "jane@db", `[102]:FATAL:  PAM authentication failed for user "jane"`, 2*time.Second)
	send("db-0.0", "app@db", `[103]:FATAL:  password authentication failed for user "app"`, 3*time.Second)
	send("db-0.0", "nobody@db", `[104]:FATAL:  password authentication failed for user "nobody"`, 4*time.Second)
	send("db-0.0", "jane@db", `[105]:LOG:  connection authorized: user=jane database=db`, 5*time.Second)
	log.ReadTo(at.Add(time.Hour))
	log.End()
	if got, want := log.FailedLogins(), map[string]int{"jane": 2, "app": 1}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	log.Row(logread.Row{Kind: logread.Kind{Stream: "db-0.0", Class: logread.Unproven}, Count: 3, Latest: at.UnixMilli()})
	if got := log.FailedLogins(); got != nil {
		t.Errorf("where rows were read nobody counted, and %v is told", got)
	}
}
