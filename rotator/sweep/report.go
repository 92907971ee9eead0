package sweep

import (
	"pgrotator/rotator/logread"
	"pgrotator/rotator/report"
)

func newReport(secretID string, dryRun bool, o Options) report.Report {
	return report.New(secretID, dryRun, policyReport(o, dryRun, nil))
}

func mode(dryRun bool) string {
	if dryRun {
		return "report"
	}
	return "act"
}

func interval(days int) *int {
	if days == 0 {
		return nil
	}
	return &days
}

// chose notes how a group is read, and why. One that is read by Logs Insights speaks for all.
func (r *run) chose(c logread.Choice) {
	if e := &r.report.Evidence; e.Reader == "" || c.Way == logread.LogsInsights {
		e.Reader, e.Why = string(c.Way), c.Why
	}
}
