package fleet

import (
	"errors"
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

// Failure is why there are no runs to tell of: what a Catch of Step Functions hands on (Amazon States Language, "Error Output").
type Failure struct{ Error, Cause string }

// Admit refuses a failure without a name.
func (f Failure) Admit() error {
	if f.Error == "" {
		return errors.New(`the event's key "failure" needs Error, and may have Cause, which are what the Map's Catch hands on`)
	}
	return nil
}

// fault is the failure as the digest tells it. A cause may have 32,768 characters.
func (f Failure) fault() report.Fault {
	return report.Fault{Subject: "the sweeps", Error: fmt.Sprintf("the state machine (its execution in Step Functions tells which ran) ended them with %.100q: %.1000q", f.Error, f.Cause)}
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
