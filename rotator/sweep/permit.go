package sweep

import (
	"errors"
	"fmt"
	"slices"

	"pgrotator/rotator/account"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
	"pgrotator/rotator/sweep/policy"
)

// permit says what would let the sweep lock and drop a role.
func permit(a account.Account, found account.Installation, version int) (problem, fix string) {
	const needsAdmin = 160000
	switch {
	case found.Functions == "":
		return "there are no functions of setup for this pair in this database, and the shared role may not ALTER it", `Run setup with "for":"sweep".`
	case a.IAM:
		return "it logs in by IAM, and ADMIN on it would take the password logins of setup's role's own members away", "Close it by hand: " + string(script.Lock(a.Name))
	case version >= needsAdmin:
		return fmt.Sprintf("setup's role %s has no ADMIN on it", postgres.Quote(found.Owner)),
			fmt.Sprintf("Run setup again if the master has ADMIN on it; else, as a role that has: %s", script.AllowAlter(version, found.Owner, a.Name))
	}
	return "setup's functions may not ALTER it", "Run setup again; a role with REPLICATION can be altered by a superuser only."
}

// nextStep says what to do where a role was not locked or dropped, so that the next run, which tries again, can.
func (r *run) nextStep(v policy.Verdict, err error) string {
	switch {
	case postgres.Forbidden(err):
		_, fix := permit(v.Account, r.found, r.server.Version)
		return fix
	case postgres.DependedOn(err):
		return "Something depends on it that did not when this run looked: the next run lists that under readyToDelete, with the statements that clear it."
	case postgres.LockNotAvailable(err):
		return "End the transaction that holds the role, or the sweep's tables: pg_locks has the lock that is granted. The next run tries again."
	case errors.Is(err, account.ErrLockLost):
		return "Let one schedule alone sweep this database. The next run tries again."
	}
	return `The next run tries again. If it fails so once more, run check with "for":"sweep", which looks at what the sweep needs.`
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
