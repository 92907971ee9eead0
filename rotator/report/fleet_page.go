package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// FleetPage is what fleet.html shows.
type FleetPage struct {
	Digest  Digest
	Version string // of pgrotator
}

// WriteFleetPage writes the page of a fleet, as WritePage writes that of one database.
func WriteFleetPage(w io.Writer, p FleetPage) error {
	return writeTemplate(w, "fleet.html", p.view())
}

// fleetView is what the template reads.
type fleetView struct {
	look
	FleetPage
	Verdict string
	Well    bool
	Numbers []stateCount
	Rows    []fleetRow
	Done    []fleetDone
	Tagged  []Database
}

// stateCount is how many databases are in a state.
type stateCount struct {
	State State
	Count int
}

// Slug is the state as a class of a row.
func (c stateCount) Slug() string { return c.State.slug() }

func (s State) slug() string { return strings.ReplaceAll(string(s), " ", "-") }

// fleetRow is one database in the table.
type fleetRow struct{ Database }

// Slug is the row's class.
func (r fleetRow) Slug() string { return r.State.slug() }

// Judged reports that the sweep has counted roles.
func (r fleetRow) Judged() bool { return r.State != SweepFailed && r.State != NotRun }

// Mode is act or report; "" = the sweep has not told.
func (r fleetRow) Mode() string {
	if r.Policy == nil {
		return ""
	}
	return r.Policy.Mode
}

// Whys are why the database is in its state, and what could not be delivered of it.
func (r fleetRow) Whys() []string {
	if r.Error != "" {
		return []string{r.Error}
	}
	return slices.Concat(r.Reasons, r.Undelivered)
}

// fleetDone is what was done to roles of one database, or is due.
type fleetDone struct {
	Database, What string
	Roles          []string
}

// whatOf names each list of Did for the page.
var whatOf = []struct {
	done, due string
	of        func(Did) []string
}{
	{"failed", "failed", func(d Did) []string { return d.Failed }},
	{"held back", "held back", func(d Did) []string { return d.Held }},
	{"dropped", "would be dropped", func(d Did) []string { return d.Deleted }},
	{"locked", "would be locked", func(d Did) []string { return d.Locked }},
	{"unlocked", "would be unlocked", func(d Did) []string { return d.Unlocked }},
	{"ready to be dropped", "ready to be dropped", func(d Did) []string { return d.Ready }},
	{"spared", "spared", func(d Did) []string { return d.Spared }},
}

func (p FleetPage) view() *fleetView {
	v := &fleetView{FleetPage: p, Verdict: p.Digest.verdict(), Well: p.Digest.well()}
	for _, state := range States {
		v.Numbers = append(v.Numbers, stateCount{state, p.Digest.Count(state)})
	}
	for _, d := range p.Digest.Databases {
		v.Rows = append(v.Rows, fleetRow{d})
		v.Done = append(v.Done, d.done()...)
		if d.Policy != nil && len(d.Policy.Tags) > 0 {
			v.Tagged = append(v.Tagged, d)
		}
	}
	return v
}

// maxRoles is how many roles a line of the fleet's page names.
const maxRoles = 100

func (d Database) done() []fleetDone {
	var list []fleetDone
	left := d.Did.Left
	for _, kind := range whatOf {
		what := kind.done
		if d.DryRun {
			what = kind.due
		}
		if roles := kind.of(d.Did); len(roles) > 0 {
			list = append(list, fleetDone{d.Name(), what, roles[:min(len(roles), maxRoles)]})
			left += max(0, len(roles)-maxRoles)
		}
	}
	if left > 0 {
		list = append(list, fleetDone{d.Name(), fmt.Sprintf("%d more, which its own report names", left), nil})
	}
	return list
}

// well reports that every database was swept and judged, all that was due was done, and all secrets rotate.
func (d Digest) well() bool {
	return len(d.Databases) > 0 && len(d.Faults)+len(d.Overdue) == 0 && d.Count(Changed)+d.Count(Quiet) == len(d.Databases)
}

// verdict is the digest in one sentence.
func (d Digest) verdict() string {
	if len(d.Databases) == 0 {
		return "No database is swept: no secret carries the tag pgrotator with sweep in its value."
	}
	var parts []string
	for _, state := range States[:len(States)-2] {
		if n := d.Count(state); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if n := len(d.Overdue); n > 0 {
		parts = append(parts, fmt.Sprintf("%d with rotation overdue", n))
	}
	if n := len(d.Faults); n > 0 {
		parts = append(parts, fmt.Sprintf("%d not to be told", n))
	}
	if len(parts) == 0 && len(d.Databases) == 1 {
		return "The database was swept and judged."
	}
	if len(parts) == 0 {
		return fmt.Sprintf("All %d databases were swept and judged.", len(d.Databases))
	}
	return fmt.Sprintf("Of %d databases: %s.", len(d.Databases), strings.Join(parts, ", "))
}

// Folder is where a digest's files are kept: by day and time.
func (d Digest) Folder() string {
	return strings.Join([]string{"fleet", d.At.Format("2006/01/02"), d.At.Format(time.RFC3339)}, "/")
}
