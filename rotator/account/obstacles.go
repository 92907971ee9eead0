package account

import (
	"context"
	"slices"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// Dependency is what depends on a role in one database.
type Dependency struct {
	Database string // "" = shared by the whole cluster
	Quoted   string // the database's name as SQL writes it
	Objects  int
	Grantors []string // quoted: owners of objects that carry the role's grants, whose privileges the clearing user lacks
	Thirds   bool     // grants of the role may have been made by others than the objects' owners
}

// Obstacles is what keeps a role from being dropped.
type Obstacles struct {
	Dependencies []Dependency
	Members      []string // the REVOKE of each member that inherits from it or may become it
	Circular     []string // the REVOKE of each of its own memberships that would keep the clearing user from being granted it
}

// None reports that nothing keeps the role from being dropped.
func (o Obstacles) None() bool {
	return len(o.Dependencies) == 0 && len(o.Members) == 0
}

// ReadObstacles looks, in all databases, for what keeps roles from being dropped; by oid. clearing is the user who would clear it
// away, the cluster's master, or "".
func ReadObstacles(ctx context.Context, s *postgres.Session, oids []int64, clearing string) (map[int64]Obstacles, error) {
	found := map[int64]Obstacles{}
	var oid int64
	var d Dependency
	err := s.Each(ctx, sql.Dependencies, nil, []any{oids, clearing}, []any{&oid, &d.Database, &d.Quoted, &d.Objects, &d.Grantors, &d.Thirds}, func() {
		obstacles := found[oid]
		d.Grantors = slices.Clone(d.Grantors)
		obstacles.Dependencies = append(obstacles.Dependencies, d)
		found[oid] = obstacles
	})
	if err != nil {
		return nil, err
	}
	var member bool
	var revoke string
	err = s.Each(ctx, sql.Memberships, nil, []any{oids, clearing}, []any{&oid, &member, &revoke}, func() {
		obstacles := found[oid]
		if member {
			obstacles.Members = append(obstacles.Members, revoke)
		} else {
			obstacles.Circular = append(obstacles.Circular, revoke)
		}
		found[oid] = obstacles
	})
	return found, err
}

// Remake lists the statements that would make a role again, but for its password and what it owned.
func Remake(ctx context.Context, s *postgres.Session, oid int64) ([]string, error) {
	var statements []string
	err := s.Row(ctx, sql.Remake, nil, []any{oid}, &statements)
	return statements, err
}
