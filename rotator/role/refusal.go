package role

import (
	"fmt"
	"strings"
)

// Reserved reports names that PostgreSQL (pg_…) or RDS (rds…) keeps for its own roles.
func Reserved(name string) bool {
	return strings.HasPrefix(name, "pg_") || strings.HasPrefix(name, "rds")
}

// Quote writes a name as SQL does, for the statements that errors suggest.
func Quote(name string) string {
	return quote(name)
}

// Refusal says why no way may set the user: on a reader, what UserRefusal says, and a pair whose user cannot become its shared
// role. nil = none of these.
func (t State) Refusal() error {
	if err := t.UserRefusal(); err != nil {
		return err
	}
	switch {
	case t.Shared != "" && !t.SharedExists:
		return fmt.Errorf("the shared role %q does not exist: run setup, or CREATE ROLE %s NOLOGIN and GRANT it to both users", t.Shared, quote(t.Shared))
	case t.Exists && t.Shared != "" && !t.Member:
		return fmt.Errorf("user %q cannot become the shared role %q: GRANT %s TO %s", t.User, t.Shared, quote(t.Shared), quote(t.User))
	}
	return nil
}

// UserRefusal says why the user could not be set, whatever it is a member of: readers, the names that PostgreSQL and RDS keep,
// powerful roles, and users that log in by IAM.
func (t State) UserRefusal() error {
	switch {
	case t.Standby:
		return fmt.Errorf("the secret's host %s is a reader (in recovery), where no password can be set: use the cluster's writer endpoint as host", t.Host)
	case Reserved(t.User) || Reserved(t.Shared):
		return fmt.Errorf("the pair's user %q or its shared role %q has a name that PostgreSQL or RDS keeps for its own roles", t.User, t.Shared)
	case t.Powerful != "":
		return fmt.Errorf("%q is a superuser or a member of rds_superuser, and such are not rotated: take the name out of the secret, or REVOKE rds_superuser from it", t.Powerful)
	case t.Shared != "" && (t.Shared == t.User || t.Shared == t.Partner):
		return fmt.Errorf("the shared role %q is one of the pair: name a third role in the secret's key \"role\"", t.Shared)
	case t.IAM:
		return fmt.Errorf("user %q is a member of rds_iam, directly or through another role, so RDS refuses its password: REVOKE rds_iam from it", t.User)
	}
	return nil
}
