package report

import (
	"encoding/json"
	"fmt"
	"slices"
)

// MaxBrief bounds the JSON of a Brief, in bytes: a state of Step Functions holds 256 KiB, and an execution's result is kept with its
// input and more beside it (Step Functions Developer Guide, "Service quotas").
const MaxBrief = 64 << 10

// Brief is a sweep's answer where a fleet is swept: enough for one digest of all databases.
type Brief struct {
	SecretID  string   `json:"secretId"`
	OK        bool     `json:"ok"` // everybody was judged, and all that was due was done
	Counts    Counts   `json:"counts"`
	Reasons   []string `json:"reasons"`   // why the evidence is not complete
	ReportURI string   `json:"reportUri"` // of the page; "" = there is none

	Database string  `json:"database,omitempty"` // the cluster's or instance's name
	DryRun   bool    `json:"dryRun"`
	Policy   *Policy `json:"policy,omitempty"`
	Did      Did     `json:"did"`

	Undelivered []string `json:"undelivered,omitempty"` // files that were not written, and findings that were not imported, with the causes
}

// Did names whom a sweep did something to, or something was due for. Long lists are cut; Left says how many names are left out.
type Did struct {
	Locked   []string `json:"locked,omitempty"`
	Deleted  []string `json:"deleted,omitempty"`
	Unlocked []string `json:"unlocked,omitempty"`
	Ready    []string `json:"ready,omitempty"` // to be dropped, with something in the way
	Spared   []string `json:"spared,omitempty"`
	Failed   []string `json:"failed,omitempty"` // each with the error
	Held     []string `json:"held,omitempty"`   // by MAX_CHANGES_PER_RUN
	Left     int      `json:"left,omitempty"`
}

// Brief is the report in few bytes, at most MaxBrief.
func (r Report) Brief() Brief {
	b := Brief{SecretID: r.SecretID, Counts: r.Counts, ReportURI: r.ReportURI, Database: r.Cluster, DryRun: r.DryRun,
		OK: r.Evidence.Complete && len(r.Failed)+len(r.Held.Users) == 0}
	room := room{bytes: MaxBrief - 8<<10} // the rest is of a bounded length
	b.Reasons = keep(&room, r.Evidence.Reasons, func(reason string) string { return reason })
	b.Undelivered = keep(&room, r.Undelivered(), func(line string) string { return line })
	policy := r.Policy
	policy.Tags = keep(&room, policy.Tags, func(t Tag) Tag { return t })
	b.Policy = &policy
	b.Did = Did{
		Failed:   keep(&room, r.Failed, func(f Failed) string { return fmt.Sprintf("%s: %s", f.User, f.Error) }),
		Locked:   keep(&room, r.Locked, Closed.name),
		Deleted:  keep(&room, r.Deleted, Closed.name),
		Unlocked: keep(&room, r.Unlocked, Closed.name),
		Held:     keep(&room, r.Held.Users, func(name string) string { return name }),
		Spared:   keep(&room, r.Spared, func(s Spared) string { return s.User }),
		Ready:    keep(&room, r.ReadyToDelete, func(r Ready) string { return r.User }),
	}
	b.Did.Left = room.left
	return b
}

// Undelivered are the files that were not written and the findings that were not imported, each with the cause.
func (r Report) Undelivered() []string { return slices.Concat(r.Unwritten, r.NotImported) }

func (c Closed) name() string { return c.User }

// room is how many bytes of JSON are left, and how many entries there was no room for.
type room struct{ bytes, left int }

// keep takes the entries that there is room for, and counts the others.
func keep[Entry, Kept any](r *room, entries []Entry, of func(Entry) Kept) []Kept {
	kept := []Kept{}
	for _, entry := range entries {
		k := of(entry)
		text, err := json.Marshal(k)
		if size := len(text) + len(","); err == nil && size <= r.bytes {
			r.bytes -= size
			kept = append(kept, k)
		} else {
			r.left++
		}
	}
	return kept
}
