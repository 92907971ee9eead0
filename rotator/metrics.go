package main

import (
	"encoding/json"
	"io"
	"maps"
	"math"
	"time"

	"pgrotator/rotator/check"
	"pgrotator/rotator/report"
	"pgrotator/rotator/rotation"
)

// namespace is where the function's metrics are in CloudWatch.
const namespace = "pgrotator"

// metrics writes CloudWatch metrics as lines of the embedded metric format (CloudWatch User Guide, "Embedded metric format
// specification"), one JSON object each.
type metrics struct {
	out         io.Writer
	function    string
	perDatabase bool // METRICS_PER_DATABASE
}

func newMetrics(out io.Writer, function string, perDatabase bool) *metrics {
	return &metrics{out: out, function: function, perDatabase: perDatabase}
}

// metric is one name with its unit and value.
type metric struct {
	name  string
	unit  string
	value float64
}

// directive is a set of metrics that share their dimensions. CloudWatch does not add up over dimensions: an alarm on
// FunctionName alone sees nothing of a metric that has Step besides.
type directive struct {
	dimensions []string
	metrics    []metric
}

// step counts one step of a rotation and how long it took.
func (m *metrics) step(name string, took time.Duration, outcome rotation.Outcome, err error) {
	directives := []directive{{[]string{"FunctionName", "Step"}, []metric{
		{"StepDuration", "Milliseconds", float64(took.Microseconds()) / 1000},
		{"StepSucceeded", "Count", count(err == nil)},
		{"StepFailed", "Count", count(err != nil)}}}}
	if outcome.Way != "" || outcome.Held {
		directives = append(directives, directive{[]string{"FunctionName"}, []metric{
			{"PreviousStillInUse", "Count", count(outcome.SessionsInUse > 0)},
			{"RotationHeld", "Count", count(outcome.Held)}}})
	}
	m.write(map[string]any{"Step": name}, directives)
}

// check counts a secret whose rotation has stopped, and tells how long ago the last one was.
func (m *metrics) check(report check.Report) {
	values := []metric{{"RotationOverdue", "Count", count(report.Overdue())}}
	if !report.LastRotated.IsZero() {
		values = append(values, metric{"DaysSinceRotation", "Count", math.Floor(time.Since(report.LastRotated).Hours() / 24)})
	}
	m.write(nil, []directive{{[]string{"FunctionName"}, values}})
}

func count(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// sweep counts what one sweep did, and the roles by state at its end. A run that failed has only a duration and its outcome.
func (m *metrics) sweep(took time.Duration, report report.Report, err error) {
	values := []metric{{"SweepDuration", "Milliseconds", float64(took.Milliseconds())}, {"SweepSucceeded", "Count", count(err == nil)}, {"SweepFailed", "Count", count(err != nil)}}
	if err == nil {
		values = append(values, ofReport(report)...)
	}
	directives := []directive{{[]string{"FunctionName"}, values}}
	if err != nil || !m.perDatabase {
		m.write(nil, directives)
		return
	}
	m.write(map[string]any{"Database": report.Brief().Name()}, append(directives, directive{[]string{"FunctionName", "Database"}, values}))
}

func ofReport(report report.Report) []metric {
	lines, deleted := 0, len(report.Deleted)
	for _, instance := range report.Evidence.Instances {
		lines += instance.Events
	}
	if report.DryRun {
		deleted = 0 // the report lists whom it would have dropped
	}
	return []metric{
		{"LinesRead", "Count", float64(lines)},
		{"EvidenceIncomplete", "Count", count(!report.Evidence.Complete)},
		{"Gaps", "Count", float64(len(report.Evidence.Gaps))},
		{"Active", "Count", float64(report.Counts.Active)},
		{"Locked", "Count", float64(report.Counts.Locked)},
		{"ReadyToDelete", "Count", float64(report.Counts.ReadyToDelete)},
		{"Deleted", "Count", float64(deleted)},
		{"Spared", "Count", float64(len(report.Spared))},
	}
}

// digest counts the databases of a fleet by how it stands with them: what an alarm on the worst of them needs.
func (m *metrics) digest(d report.Digest) {
	trouble, longest := len(d.Faults), 0.0
	for _, state := range []report.State{report.SweepFailed, report.NotRun, report.Incomplete, report.Undone} {
		trouble += d.Count(state)
	}
	for _, o := range d.Overdue {
		longest = max(longest, math.Floor(d.At.Sub(o.Since).Hours()/24))
	}
	m.write(nil, []directive{{[]string{"FunctionName"}, []metric{
		{"Databases", "Count", float64(len(d.Databases))},
		{"DatabasesFailed", "Count", float64(d.Count(report.SweepFailed))},
		{"DatabasesNotRun", "Count", float64(d.Count(report.NotRun))},
		{"DatabasesIncomplete", "Count", float64(d.Count(report.Incomplete))},
		{"DatabasesUndone", "Count", float64(d.Count(report.Undone))},
		{"FleetTrouble", "Count", float64(trouble)},
		{"RotationsOverdue", "Count", float64(len(d.Overdue))},
		{"LongestOverdueDays", "Count", longest},
	}}})
}

// write emits one line of the metrics and their dimensions' values.
func (m *metrics) write(dimensions map[string]any, directives []directive) {
	line := map[string]any{"FunctionName": m.function}
	maps.Copy(line, dimensions)
	var definitions []any
	for _, d := range directives {
		var names []any
		for _, v := range d.metrics {
			line[v.name] = v.value
			names = append(names, map[string]string{"Name": v.name, "Unit": v.unit})
		}
		definitions = append(definitions, map[string]any{"Namespace": namespace, "Dimensions": [][]string{d.dimensions}, "Metrics": names})
	}
	line["_aws"] = map[string]any{"Timestamp": time.Now().UnixMilli(), "CloudWatchMetrics": definitions}
	text, err := json.Marshal(line)
	if err != nil {
		return // only numbers and strings: nothing here fails to encode
	}
	// A metric that cannot be written must not fail the rotation that it counts.
	_, _ = m.out.Write(append(text, '\n'))
}
