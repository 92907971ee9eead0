package sweep

import (
	"fmt"
	"slices"

	"pgrotator/rotator/role"
)

// clearing lists the statements, for psql and in order, by which the master user clears away what keeps a role from being
// dropped, and then drops it. What the role owned goes to the master.
func clearing(a role.Account, standing role.Standing, master string) []string {
	by := "CURRENT_USER"
	if master != "" {
		by = role.Quote(master)
	}
	statements := ended(standing.Members)
	if len(standing.Dependencies) > 0 {
		statements = append(statements, ended(standing.Circular)...)
		statements = append(statements, clearingOwned(a.Quoted, standing, by)...)
	}
	return append(statements, "DROP ROLE "+a.Quoted+";")
}

// clearingOwned gives the master, for the while, the privileges of the role and of those whose objects carry its grants.
// REASSIGN OWNED and DROP OWNED share a transaction: the second alone would drop the tables.
func clearingOwned(quoted string, standing role.Standing, by string) []string {
	var statements, back []string
	for _, lender := range slices.Insert(grantors(standing), 0, quoted) {
		statements = append(statements, fmt.Sprintf("GRANT %s TO %s;", lender, by))
		back = append(back, fmt.Sprintf("REVOKE %s FROM %s;", lender, by))
	}
	for _, d := range standing.Dependencies {
		if d.Database == "" && len(standing.Dependencies) > 1 {
			continue // what the whole cluster shares is done with any database
		}
		if d.Database != "" {
			statements = append(statements, `\connect `+d.Quoted)
		}
		statements = append(statements, fmt.Sprintf("BEGIN; REASSIGN OWNED BY %[1]s TO %[2]s; DROP OWNED BY %[1]s; COMMIT;", quoted, by))
	}
	return append(statements, back...)
}

func ended(statements []string) []string {
	list := make([]string, len(statements))
	for i, s := range statements {
		list[i] = s + ";"
	}
	return list
}

func grantors(standing role.Standing) []string {
	var owners []string
	for _, d := range standing.Dependencies {
		owners = append(owners, d.Grantors...)
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}
