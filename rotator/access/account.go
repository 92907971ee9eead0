package access

import "time"

// Account is what IAM tells of an AWS account, as far as it concerns Connect.
type Account struct {
	Principals []Principal // users and roles
	Groups     []Holder    // of users
	Unread     []string    // policies that could not be read, each a sentence: what they allow or deny nobody knows
}

// Holder is what a policy is attached to: a user, a role, or a group of users.
type Holder struct {
	ARN      string
	Policies []Policy // inline and attached
}

// Principal is a user or a role.
type Principal struct {
	Holder
	Role        bool
	Name        string            // without its path
	ID          string            // AIDA… or AROA…
	Tags        map[string]string // its own; a session may have others
	LastUsed    time.Time         // of a role, as IAM tracks it (RoleLastUsed, the last 400 days); zero = not known
	MemberOf    []*Holder         // a user's groups
	Bounded     bool              // it has a permission boundary
	Boundary    *Policy           // nil with Bounded = IAM did not tell what is in it
	BoundaryARN string
}

// holders are the principal itself and its groups.
func (p *Principal) holders() []*Holder {
	return append([]*Holder{&p.Holder}, p.MemberOf...)
}
