package sweep_test

import (
	"slices"
	"testing"

	"pgrotator/rotator/internal/localaws"
)

func TestLocksWhoIsIdleAndNobodyElse(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	idle, busy := s.user("idle", 100), s.user("busy", 100)
	s.visit(busy)
	report := s.run()
	if !report.Evidence.Complete {
		t.Fatalf("evidence is not complete: %q", report.Evidence.Reasons)
	}
	if got := closedUsers(report.Locked); !slices.Equal(got, []string{idle}) {
		t.Errorf("locked %q, want %q", got, idle)
	}
	if s.canLogin(idle) || s.status(idle) != "Locked" {
		t.Errorf("%s can log in: %v, status %s", idle, s.canLogin(idle), s.status(idle))
	}
	if !s.canLogin(busy) || s.status(busy) != "Active" {
		t.Errorf("%s can log in: %v, status %s", busy, s.canLogin(busy), s.status(busy))
	}
}

func TestFirstRunOnlyWatches(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	report := s.run()
	if report.Evidence.Complete || len(report.Evidence.Reasons) != 1 {
		t.Errorf("complete %v, reasons %q; want the one that the instance is watched since this run", report.Evidence.Complete, report.Evidence.Reasons)
	}
}
