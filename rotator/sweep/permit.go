package sweep

import (
	"fmt"
	"slices"

	"pgrotator/rotator/account"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/sweep/policy"
)

// permit says which statement would let the sweep lock and drop a role; owner is setup's owner role, or "".
func permit(a account.Account, owner string, version int) (problem, fix string) {
	const needsAdmin = 160000
	switch {
	case owner == "":
		return "there are no functions of setup for this pair in this database, and the shared role may not ALTER it", "Run setup."
	case version >= needsAdmin:
		return fmt.Sprintf("setup's role %s has no ADMIN on it", postgres.Quote(owner)),
			fmt.Sprintf("GRANT %s TO %s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE; as a role that has ADMIN on it, or run setup again if that is the master.", a.Quoted, postgres.Quote(owner))
	}
	return "setup's functions may not ALTER it", "Run setup again; a role with REPLICATION can be altered by a superuser only."
}

// due lists the verdicts with one of the actions.
func due(verdicts []policy.Verdict, actions ...policy.Action) []policy.Verdict {
	var list []policy.Verdict
	for _, v := range verdicts {
		if slices.Contains(actions, v.Action) {
			list = append(list, v)
		}
	}
	return list
}
