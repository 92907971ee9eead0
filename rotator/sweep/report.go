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

// chose notes how a group is read. One that is read by Logs Insights names the reader of all.
func (r *run) chose(c logread.Choice) {
	e := &r.report.Evidence
	if e.Reader == "" || c.Way == logread.LogsInsights {
		e.Reader = string(c.Way)
	}
	if c.Way == logread.LogsInsights {
		e.Notes = append(e.Notes, "The log is read by Logs Insights: "+c.Why+".")
	}
}
