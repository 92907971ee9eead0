package report

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Digest is what was found of all databases of a fleet. It holds nothing that is of one database only: its report does.
type Digest struct {
	At        time.Time  `json:"at"`
	Databases []Database `json:"databases"` // worst first
	Overdue   []Overdue  `json:"overdue"`   // secrets whose rotation has stopped, longest first
	Faults    []Fault    `json:"faults"`
	ReportURI string     `json:"reportUri,omitempty"` // of the page
}

// Database is one database in a digest.
type Database struct {
	Brief
	State State  `json:"state"`
	Error string `json:"error,omitempty"` // why the sweep failed or did not run
}

// State is how it stands with a database.
type State string

// The states, worst first.
const (
	SweepFailed State = "sweep failed"
	NotRun      State = "did not run"
	Incomplete  State = "evidence incomplete"
	Undone      State = "not all done" // of what was due
	Changed     State = "changed"
	Quiet       State = "nothing to do"
)

// States are all of them, worst first.
var States = []State{SweepFailed, NotRun, Incomplete, Undone, Changed, Quiet}

// Overdue is a secret whose rotation has stopped.
type Overdue struct {
	SecretID string    `json:"secretId"`
	Since    time.Time `json:"since"`
	Why      string    `json:"why"`
}

// Fault is what cannot be told of a fleet, or of one of its secrets.
type Fault struct {
	Subject string `json:"subject"` // a secret's ARN, an account, a file of results, or the list
	Error   string `json:"error"`
}

// StateOf is what a sweep's answer says of its database.
func (b Brief) StateOf() State {
	d := b.Did
	switch {
	case len(b.Reasons) > 0:
		return Incomplete
	case !b.OK:
		return Undone
	case len(d.Locked)+len(d.Deleted)+len(d.Unlocked)+len(d.Ready)+len(d.Spared)+d.Left > 0:
		return Changed
	}
	return Quiet
}

// Sort puts the worst databases first, and those of one state in the order of their names.
func (d *Digest) Sort() {
	slices.SortStableFunc(d.Databases, func(a, b Database) int {
		return cmp.Or(cmp.Compare(slices.Index(States, a.State), slices.Index(States, b.State)),
			strings.Compare(a.Name(), b.Name()), strings.Compare(a.SecretID, b.SecretID))
	})
}

// Count is how many databases are in a state.
func (d Digest) Count(state State) int {
	n := 0
	for _, one := range d.Databases {
		if one.State == state {
			n++
		}
	}
	return n
}

// Name is what people call the database: the cluster's or instance's name, else the secret's.
func (b Brief) Name() string {
	return cmp.Or(b.Database, SecretName(b.SecretID))
}

// secretSuffix is how long the hyphen and the random characters at the end of a secret's ARN are.
const secretSuffix = len("-AbCdEf")

// SecretName is the name in a secret's ARN; anything else is a name already.
func SecretName(id string) string {
	parts := strings.SplitN(id, ":", 7)
	if len(parts) < 7 || parts[0] != "arn" || len(parts[6]) <= secretSuffix {
		return id
	}
	return parts[6][:len(parts[6])-secretSuffix]
}
