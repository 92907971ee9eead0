package deploy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/sweep"
)

// sweptScene is a cluster of one instance whose log goes to CloudWatch, and the sweep function in the template's environment.
func sweptScene(t *testing.T, overrides map[string]string) (*localtest.Scene, *localaws.Function) {
	t.Helper()
	s := managedScene(t, environmentOfFunction(t, "RotationFunction", nil))
	s.MustSetupFor("sweep")
	return s, s.AddFunction("sweep", environmentOfFunction(t, "SweepFunction", overrides), 0)
}

func runSweep(t *testing.T, s *localtest.Scene, f *localaws.Function) sweep.Report {
	t.Helper()
	result, err := f.Invoke(t.Context(), []byte(`{"action":"sweep","secretId":"`+s.SecretID+`"}`))
	if err != nil || result.FunctionError != "" {
		t.Fatalf("sweeping: %v %s", err, result.Payload)
	}
	var report sweep.Report
	if err := json.Unmarshal(result.Payload, &report); err != nil {
		t.Fatal(err)
	}
	return report
}

// The built binary sweeps in the very environment that the template gives it, with the calls that its role allows and no others.
func TestSweepRunsInTheTemplatesEnvironmentWithItsRole(t *testing.T) {
	t.Parallel()
	s, function := sweptScene(t, nil)
	s.SQL("CREATE ROLE person LOGIN")
	runSweep(t, s, function)
	report := runSweep(t, s, function)
	if report.Counts.Tracked == 0 || len(report.Evidence.Instances) != 1 {
		t.Errorf("the sweep looked at nobody: %+v", report)
	}
	result, err := function.Invoke(t.Context(), []byte(`{"action":"check","for":"sweep","secretId":"`+s.SecretID+`"}`))
	if err != nil || !strings.Contains(string(result.Payload), `"ok":true`) {
		t.Errorf("checking for the sweep: %v %s", err, result.Payload)
	}
	compareActions(t, "SweepRole", nil, callsOf(s, "sweep"))
}
