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

// Refusal says why no way may set user, the one that the state was asked about: powerful roles, users that log in by IAM, and
// a pair whose user cannot become its shared role. nil = none of these.
func (t State) Refusal(user string) error {
	switch {
	case Reserved(user) || Reserved(t.Shared):
		return fmt.Errorf("the pair's user %q or its shared role %q has a name that PostgreSQL or RDS keeps for its own roles", user, t.Shared)
	case t.Superuser:
		return fmt.Errorf("user %q is a superuser, and superusers are not rotated: take the name out of the secret", user)
	case t.RDSSuperuser:
		return fmt.Errorf("user %q, or its shared role %q, is a member of rds_superuser, and such are not rotated: REVOKE rds_superuser from it", user, t.Shared)
	case t.IAM:
		return fmt.Errorf("user %q is a member of rds_iam, directly or through another role, so RDS refuses its password: REVOKE rds_iam from it", user)
	case t.Shared != "" && !t.SharedExists:
		return fmt.Errorf("the shared role %q does not exist: run setup, or CREATE ROLE %s NOLOGIN and GRANT it to both users", t.Shared, quote(t.Shared))
	case t.Exists && t.Shared != "" && !t.Member:
		return fmt.Errorf("user %q cannot become the shared role %q: GRANT %s TO %s", user, t.Shared, quote(t.Shared), quote(user))
	}
	return nil
}
