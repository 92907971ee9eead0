// Package fleet looks at many databases at once: which secrets belong together, and what their sweeps have found.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/report"
	"pgrotator/rotator/secret"
)

// Tag is the key of the tag that makes a secret one of the fleet. Its value says what is done with the secret.
const Tag = "pgrotator"

// The values of the tag.
const (
	rotate = "rotate"
	sweep  = "sweep"
	both   = "rotate+sweep"
)

// Account is an AWS account whose secrets belong to the fleet.
type Account struct {
	ID      string // "" = the function's own
	Secrets *secret.Store
}

// List is the fleet. Secrets are in order of their ARNs, what is overdue longest comes first.
type List struct {
	Secrets []Member         `json:"secrets"`
	Overdue []report.Overdue `json:"overdue"`
	Faults  []report.Fault   `json:"faults,omitempty"` // what could not be listed, or belongs to the fleet by a tag that cannot be read

	Rotations []Rotation `json:"-"` // of the secrets that are to rotate
}

// Rotation is when a secret rotated last.
type Rotation struct {
	SecretID string
	Last     time.Time // zero = never
	Overdue  string    // why, "" = it is not
}

// Member is a secret of the fleet.
type Member struct {
	SecretID string `json:"secretId"` // the ARN
	Sweep    bool   `json:"sweep"`    // its database is swept
}

// ListSecrets lists the fleet in all accounts. An account that does not answer is among the faults; an error means that none did.
func ListSecrets(ctx context.Context, accounts []Account, now time.Time) (List, error) {
	list := List{Secrets: []Member{}, Overdue: []report.Overdue{}}
	var unanswered []error
	for _, account := range accounts {
		found, err := account.Secrets.Tagged(ctx, Tag)
		if err != nil {
			unanswered = append(unanswered, err)
			list.Faults = append(list.Faults, report.Fault{Subject: "account " + account.ID, Error: err.Error()})
		}
		for _, d := range found {
			list.add(d, now)
		}
	}
	if len(unanswered) == len(accounts) {
		return List{}, errors.Join(unanswered...)
	}
	slices.SortFunc(list.Secrets, func(a, b Member) int { return strings.Compare(a.SecretID, b.SecretID) })
	slices.SortFunc(list.Overdue, func(a, b report.Overdue) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.SecretID, b.SecretID))
	})
	return list, nil
}

func (l *List) add(d secret.Description, now time.Time) {
	value := d.Tags[Tag]
	if value != rotate && value != sweep && value != both {
		l.Faults = append(l.Faults, report.Fault{Subject: d.ARN,
			Error: fmt.Sprintf("its tag %s is %q: expected %s, %s or %s; nothing is done with it", Tag, value, rotate, sweep, both)})
		return
	}
	l.Secrets = append(l.Secrets, Member{SecretID: d.ARN, Sweep: value != rotate})
	if value == sweep {
		return
	}
	why, since := overdue(d, now)
	l.Rotations = append(l.Rotations, Rotation{d.ARN, d.LastRotated, why})
	if why != "" {
		l.Overdue = append(l.Overdue, report.Overdue{SecretID: d.ARN, Since: since.UTC().Truncate(time.Second), Why: why})
	}
}

// settled is how long after it was made a secret may be without rotation: it is set up in that time.
const settled = 24 * time.Hour

// overdue is why and since when a secret that is to rotate does not; "" = it does. Its tag says that it is to, whether it ever did or not.
func overdue(d secret.Description, now time.Time) (why string, since time.Time) {
	if off := d.Enabled == nil || !*d.Enabled; off && d.LastRotated.IsZero() && now.After(d.Created.Add(settled)) {
		return "its tag says that it is rotated, and rotation was never switched on", d.Created
	}
	return d.Overdue(now)
}
