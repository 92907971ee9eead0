package check_test

import (
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/role"
)

// Until when the cover of the second reading has to grow is told before the first sweep, and where no sweep has covered anything yet, as after
// an upgrade of version 1.0. Neither is a fault.
func TestUntilWhenTheCoverGrows(t *testing.T) {
	t.Parallel()
	const group = "/aws/rds/cluster/orders/postgresql"
	s := clusterSceneWith(t, map[string]string{"LOCK_INTERVAL_DAYS": "90"})
	ago := func(days int) time.Time { return time.Now().AddDate(0, 0, -days) }
	holds := func(when string, daysLeft int) {
		t.Helper()
		report := run(t, s, role.ForSweep)
		told := find(t, report, "second reading")
		until := []string{"", time.Now().AddDate(0, 0, daysLeft).UTC().Format(time.DateOnly)}[min(daysLeft, 1)]
		if !report.OK || !strings.Contains(told.Detail, "has covered nothing yet") || !strings.Contains(told.Fix, until) || (told.Fix == "") != (daysLeft == 0) {
			t.Errorf("%s: %+v, want one that says until %q", when, told, until)
		}
	}
	s.AWS.SetLogGroup(group, localaws.LogGroup{Created: ago(400)})
	holds("before the first sweep", 89)
	s.SQL("INSERT INTO rotation_" + s.Shared + ".user_login_job_status (instance_name, last_processed_time, evidence_from) VALUES ('orders-1', now(), now() - interval '300 days')")
	holds("after an upgrade", 0)
	s.AWS.SetLogGroup(group, localaws.LogGroup{Created: ago(400), RetentionDays: 30})
	holds("after an upgrade, kept for 30 days", 60)
	s.AWS.SetLogGroup(group, localaws.LogGroup{Created: ago(10)})
	holds("after an upgrade, in a group made anew", 80)
}

// Without Logs Insights a large log cannot be read a second time, which is a fault; a small one can. What RDS tells of its instances may be
// missing.
func TestPermissionsThatASweepCanDoWithout(t *testing.T) {
	t.Parallel()
	s := clusterSceneWith(t, map[string]string{"LOCK_INTERVAL_DAYS": "90"})
	s.AWS.Intercept(func(call localaws.Call) localaws.Outcome {
		switch call.Operation {
		case "StartQuery":
			return localaws.Fail("AccessDeniedException", 400)
		case "DescribeEvents":
			return localaws.Fail("AccessDenied", 403)
		}
		return nil
	})
	for _, stored := range []int64{1 << 10, 1 << 30} {
		s.AWS.SetLogGroup("/aws/rds/cluster/orders/postgresql", localaws.LogGroup{Created: time.Now().AddDate(0, 0, -90), StoredBytes: stored})
		report := run(t, s, role.ForSweep)
		small := stored < 1<<20
		if told := find(t, report, "logs insights"); told.OK != small || report.OK != small || !strings.Contains(told.Fix, "logs:StartQuery") {
			t.Errorf("%d bytes stored: %+v", stored, told)
		}
		if told := find(t, report, "rds events"); !told.OK || !strings.Contains(told.Fix, "rds:DescribeEvents") {
			t.Errorf("%+v", told)
		}
	}
}
