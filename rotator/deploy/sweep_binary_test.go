package deploy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/report"
)

// sweptScene is a cluster of one instance whose log goes to CloudWatch, and the sweep function in the template's environment.
func sweptScene(t *testing.T, overrides map[string]string) (*localtest.Scene, *localaws.Function) {
	t.Helper()
	s := managedScene(t, environmentOfFunction(t, "RotationFunction", nil))
	s.MustSetupFor("sweep")
	return s, s.AddFunction("sweep", environmentOfFunction(t, "SweepFunction", overrides), 0)
}

func runSweep(t *testing.T, s *localtest.Scene, f *localaws.Function) report.Report {
	t.Helper()
	result, err := f.Invoke(t.Context(), []byte(`{"action":"sweep","secretId":"`+s.SecretID+`"}`))
	if err != nil || result.FunctionError != "" {
		t.Fatalf("sweeping: %v %s", err, result.Payload)
	}
	var report report.Report
	if err := json.Unmarshal(result.Payload, &report); err != nil {
		t.Fatal(err)
	}
	return report
}

// The built binary sweeps in the very environment that the template gives it, with the calls that its role allows and no others.
func TestSweepRunsInTheTemplatesEnvironmentWithItsRole(t *testing.T) {
	t.Parallel()
	overrides := map[string]string{"IamReview": "true", "SecurityHubFindings": "true", "LockIntervalDays": "7"}
	s, function := sweptScene(t, overrides)
	s.AWS.SetLogGroup("/aws/rds/cluster/orders/postgresql", twoWeeks)
	s.SQL("CREATE ROLE person LOGIN")
	runSweep(t, s, function)
	report := runSweep(t, s, function)
	if report.IAM == nil || !report.IAM.Complete {
		t.Errorf("who may log in by IAM: %+v", report.IAM)
	}
	if len(s.AWS.Findings()) == 0 || report.NotImported != nil {
		t.Errorf("Security Hub has %d findings of runs without evidence; not imported %q", len(s.AWS.Findings()), report.NotImported)
	}
	if report.Counts.Tracked == 0 || len(report.Evidence.Instances) != 1 {
		t.Errorf("the sweep looked at nobody: %+v", report)
	}
	checked := checkSweep(t, s, function)
	if !strings.Contains(checked, `"ok":true`) {
		t.Errorf("checking for the sweep: %s", checked)
	}
	loseLogin(s)
	if report := runSweep(t, s, function); len(report.Evidence.Gaps) != 1 {
		t.Errorf("a login of the sweep's own is missing, and the report has the gaps %+v", report.Evidence.Gaps)
	}
	abandonQuery(t, s, function)
	made := callsOf(s, "sweep")
	made["logs:Unmask"] = asksForUnmasked(t, s, function)
	compareActions(t, "SweepRole", overrides, made)
}

func checkSweep(t *testing.T, s *localtest.Scene, f *localaws.Function) string {
	t.Helper()
	result, err := f.Invoke(t.Context(), []byte(`{"action":"check","for":"sweep","secretId":"`+s.SecretID+`"}`))
	if err != nil || result.FunctionError != "" {
		t.Fatalf("checking: %v %s", err, result.Payload)
	}
	return string(result.Payload)
}

// loseLogin has the tables tell of a login of an hour ago that is not in the log: a gap, for which RDS may know a cause.
func loseLogin(s *localtest.Scene) {
	s.SQL(fmt.Sprintf("UPDATE rotation_%s.user_login_job_status SET canary = canary || ' pgrotator-sweep-%s-0123456789ab'",
		s.Shared, strconv.FormatInt(time.Now().Add(-time.Hour).UnixMilli(), 36)))
}

// abandonQuery has a query fail while it runs, so that it must be stopped.
func abandonQuery(t *testing.T, s *localtest.Scene, f *localaws.Function) {
	t.Helper()
	s.AWS.Intercept(func(call localaws.Call) localaws.Outcome {
		if call.Operation == "GetQueryResults" {
			return localaws.Fail("AccessDeniedException", 400)
		}
		return localaws.Pass
	})
	defer s.AWS.Intercept(nil)
	if checked := checkSweep(t, s, f); !strings.Contains(checked, "logs:GetQueryResults") {
		t.Errorf("a query fails, and the check says %s", checked)
	}
}

// asksForUnmasked tells whether a log with a data protection policy is read with logs:Unmask, which is no call of its own but a
// parameter of others: where it is refused the report says so.
func asksForUnmasked(t *testing.T, s *localtest.Scene, f *localaws.Function) bool {
	t.Helper()
	s.AWS.SetLogGroup("/aws/rds/cluster/orders/postgresql", localaws.LogGroup{Protection: localaws.DataProtection{Status: types.DataProtectionStatusActivated}})
	s.AWS.DenyUnmask(true)
	defer s.AWS.DenyUnmask(false)
	reasons := runSweep(t, s, f).Evidence.Reasons
	return slices.ContainsFunc(reasons, func(reason string) bool { return strings.Contains(reason, "logs:Unmask") })
}
