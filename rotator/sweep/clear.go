package sweep

import (
	"slices"

	"pgrotator/rotator/role"
)

// clearing lists the statements, for psql and in order, by which the master user clears away what keeps a role from being
// dropped, and then drops it. What the role owned goes to the master. REASSIGN OWNED and DROP OWNED share a transaction: the
// second alone would drop the tables.
func clearing(a role.Account, standing role.Standing, master string) []string {
	by := "CURRENT_USER"
	if master != "" {
		by = role.Quote(master)
	}
	var statements []string
	statements = append(statements, standing.Members...)
	if len(standing.Dependencies) > 0 {
		statements = append(statements, standing.Circular...)
		statements = append(statements, owned(a, standing, by)...)
	}
	for i, s := range statements {
		statements[i] = s + ";"
	}
	if len(standing.Dependencies) > 0 {
		statements = inDatabases(a, standing, by, statements)
	}
	return append(statements, "DROP ROLE "+a.Quoted+";")
}

// owned are the memberships that the clearing user needs: in the role, and in the owners of what it was granted.
func owned(a role.Account, standing role.Standing, by string) []string {
	statements := []string{"GRANT " + a.Quoted + " TO " + by}
	for _, owner := range grantors(standing) {
		statements = append(statements, "GRANT "+owner+" TO "+by)
	}
	return statements
}

func grantors(standing role.Standing) []string {
	var owners []string
	for _, d := range standing.Dependencies {
		for _, owner := range d.Grantors {
			if !slices.Contains(owners, owner) {
				owners = append(owners, owner)
			}
		}
	}
	return owners
}

// inDatabases adds what must run in each database, and gives the memberships back.
func inDatabases(a role.Account, standing role.Standing, by string, statements []string) []string {
	for _, d := range standing.Dependencies {
		if d.Database == "" && len(standing.Dependencies) > 1 {
			continue // what the whole cluster shares is done with any database
		}
		if d.Database != "" {
			statements = append(statements, `\connect `+d.Quoted)
		}
		statements = append(statements, "BEGIN; REASSIGN OWNED BY "+a.Quoted+" TO "+by+"; DROP OWNED BY "+a.Quoted+"; COMMIT;")
	}
	statements = append(statements, "REVOKE "+a.Quoted+" FROM "+by+";")
	for _, owner := range grantors(standing) {
		statements = append(statements, "REVOKE "+owner+" FROM "+by+";")
	}
	return statements
}
