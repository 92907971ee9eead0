package account

import (
	"fmt"
	"slices"
	"strings"

	"pgrotator/rotator/role"
)

// Exemptions is whom the sweep leaves alone in one database, whatever their logs show.
type Exemptions struct {
	masters []string
	paired  map[string]string // why, by role
}

// NewExemptions takes the cluster's master user and the secret's masteriam ("" = not known, or none), the roles of the secret's own pair
// ("" = none such) and the pairs that setup has recorded: whatever they are named, and whoever's secret they serve, a rotation looks
// after them.
func NewExemptions(masters, own []string, records []role.Record) Exemptions {
	paired := map[string]string{}
	// Up to PostgreSQL 15 whoever may make roles can write a record: the reason names it, so that a forged one is seen.
	for _, r := range records {
		for _, name := range append([]string{r.Role}, r.Users...) {
			paired[name] = fmt.Sprintf("It belongs to a rotation pair, as setup's record at role %q says.", r.Owner())
		}
	}
	for _, name := range own {
		paired[name] = "It belongs to this secret's rotation pair."
	}
	return Exemptions{masters: masters, paired: paired}
}

// Reason says in a sentence why the sweep leaves a role alone, "" if it does not.
func (e Exemptions) Reason(a Account) string {
	switch {
	case a.Superuser:
		return "It is a superuser."
	case role.Reserved(a.Name):
		return "PostgreSQL or RDS keeps its name for its own roles."
	case slices.Contains(e.masters, a.Name):
		return "It is the master user."
	case a.SetUp:
		return "It is the master that setup ran as: it has ADMIN on setup's role."
	case e.paired[a.Name] != "":
		return e.paired[a.Name]
	case a.Paired:
		return "It belongs to a rotation pair."
	case strings.HasPrefix(a.Name, role.OwnerPrefix):
		return "Its name is of the kind that setup gives to its own roles."
	case a.Master:
		return "It has ADMIN on the users of this secret's rotation pair, as a master has by which they are rotated."
	case a.Subscriber:
		return "It owns a subscription, whose worker logs no login."
	}
	return ""
}
