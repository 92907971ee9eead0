package fleet

import (
	"fmt"
	"slices"
	"time"

	"pgrotator/rotator/report"
)

// Run is what came of the sweep of one database: its answer, or why there is none.
type Run struct {
	report.Brief
	Error  string `json:"error"`
	NotRun bool   `json:"notRun"` // it did not begin; Error says why, if that is known
}

// Admit refuses runs that do not say what they are of.
func Admit(runs []Run) error {
	for n, run := range runs {
		if run.SecretID == "" {
			return fmt.Errorf(`the event's key "runs" has no secretId at place %d: each is a sweep's answer to "brief":true, or {"secretId","error"}`, n+1)
		}
	}
	return nil
}

// NewDigest adds up runs, and holds them against the fleet: what it lists and no run is of did not run.
func NewDigest(runs []Run, fleet List, faults []report.Fault, now time.Time) report.Digest {
	d := report.Digest{At: now.UTC().Truncate(time.Second), Databases: []report.Database{}, Overdue: slices.Concat([]report.Overdue{}, fleet.Overdue),
		Faults: slices.Concat([]report.Fault{}, fleet.Faults, faults)}
	told := map[string]bool{}
	for _, run := range runs {
		told[run.SecretID] = true // an ARN from the fleet's own sweeps, perhaps a name where people give the runs
		d.Databases = append(d.Databases, run.database())
	}
	for _, member := range fleet.Secrets {
		if member.Sweep && !told[member.SecretID] && !told[report.SecretName(member.SecretID)] {
			d.Databases = append(d.Databases, Run{Brief: report.Brief{SecretID: member.SecretID}, NotRun: true, Error: "no run of its sweep was told of"}.database())
		}
	}
	d.Sort()
	return d
}

func (r Run) database() report.Database {
	d := report.Database{Brief: r.Brief, Error: r.Error, State: r.StateOf()}
	switch {
	case r.NotRun:
		d.State = report.NotRun
	case r.Error != "":
		d.State = report.SweepFailed
	}
	return d
}
