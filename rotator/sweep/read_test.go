package sweep_test

import (
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
)

// A reading that does not come to its end tells all the same how much the log holds: the next run chooses its reader by that.
func TestUnfinishedReadingIsMeasured(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.logs(time.Now().Add(-23*time.Hour), s.prefix, "ERROR", "division by zero")
	requests := 0
	s.stack.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation == "FilterLogEvents" {
			requests++
		}
		if requests > 5 {
			return localaws.Fail("InvalidParameterException", 400)
		}
		return localaws.Pass
	})
	if report := s.run(); report.Evidence.Complete || requests <= 5 {
		t.Fatalf("complete %v after %d requests", report.Evidence.Complete, requests)
	}
	if !query[bool](s, "SELECT bool_and(streams ? 'bytesPerHour') FROM user_login_job_status") {
		t.Error("nothing is known of how much the log holds")
	}
}
