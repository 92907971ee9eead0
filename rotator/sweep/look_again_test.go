package sweep_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg/pgtest"
)

// doomed is a stage with a role that is to be dropped though it was never locked, and whose log shows nothing new.
func doomed(t *testing.T) (s *stage, old string) {
	t.Helper()
	s = newStage(t, server, localaws.PublishOptions{})
	s.options.LockDays, s.options.DeleteDays = 0, 90
	s.settle()
	old = s.user("old", 100)
	s.run()
	s.exec("UPDATE user_login_status SET status_changed_at = now() - interval '25 hours' WHERE status = 'ReadyToDelete'")
	s.flush()
	s.publisher.Pause()
	return s, old
}

// With lag 0 the operator has said that a line which is not there does not come.
func TestLagZeroDropsWithoutTheOwnLogin(t *testing.T) {
	t.Parallel()
	s, old := doomed(t)
	s.options.Lag = 0
	report, err := s.sweeper().Run(t.Context(), s.prefix, false)
	if err != nil || !slices.Equal(closedUsers(report.Deleted), []string{old}) {
		t.Errorf("dropped %q, want %q; error %v, reasons %q, failed %+v", closedUsers(report.Deleted), old, err, report.Evidence.Reasons, report.Failed)
	}
}

// Otherwise it is waited for, and where the function's time does not allow that the role stays.
func TestNotDroppedBeforeTheOwnLoginIsInTheLog(t *testing.T) {
	t.Parallel()
	s, old := doomed(t)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	report, err := s.sweeper().Run(ctx, s.prefix, false)
	if err != nil || len(report.Deleted) > 0 || !s.canLogin(old) {
		t.Errorf("dropped %q, error %v", closedUsers(report.Deleted), err)
	}
	if len(report.Failed) != 1 || report.Failed[0].User != old {
		t.Errorf("failed %+v, want %s", report.Failed, old)
	}
}

// A reader that replays late keeps no lock from standing, as long as the function's time lasts.
func TestReaderThatReplaysLate(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a reader that is 15 s behind")
	}
	s, reader := newClusterStage(t)
	s.settle()
	idle := s.user("idle", 100)
	pgtest.AwaitReplay(t, s.server, reader)
	pgtest.Exec(t, reader, "ALTER SYSTEM SET recovery_min_apply_delay = '15s'", "SELECT pg_reload_conf()")
	report := s.run()
	if !slices.Equal(closedUsers(report.Locked), []string{idle}) || len(report.Unlocked) > 0 || !report.Evidence.Complete {
		t.Errorf("locked %q, unlocked %+v, reasons %q", closedUsers(report.Locked), report.Unlocked, report.Evidence.Reasons)
	}
}
