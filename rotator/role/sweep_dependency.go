package role

import (
	"context"
	"slices"

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

// Standing is what stands between a role and its end.
type Standing struct {
	Dependencies []Dependency
	Members      []string // the REVOKE of each member that inherits from it or may become it
	Circular     []string // the REVOKE of each of its own memberships that would keep the clearing user from being granted it
}

// Clear reports that nothing keeps the role from being dropped.
func (s Standing) Clear() bool {
	return len(s.Dependencies) == 0 && len(s.Members) == 0
}

// Standing looks, in all databases, for what keeps roles from being dropped; by oid. clearing is the user who would clear it
// away, the cluster's master, or "".
func (s *Session) Standing(ctx context.Context, oids []int64, clearing string) (map[int64]Standing, error) {
	found := map[int64]Standing{}
	var oid int64
	var d Dependency
	err := s.each(ctx, sql.Dependencies, nil, []any{oids, clearing}, []any{&oid, &d.Database, &d.Quoted, &d.Objects, &d.Grantors, &d.Thirds}, func() {
		standing := found[oid]
		d.Grantors = slices.Clone(d.Grantors)
		standing.Dependencies = append(standing.Dependencies, d)
		found[oid] = standing
	})
	if err != nil {
		return nil, err
	}
	var member bool
	var revoke string
	err = s.each(ctx, sql.Memberships, nil, []any{oids, clearing}, []any{&oid, &member, &revoke}, func() {
		standing := found[oid]
		if member {
			standing.Members = append(standing.Members, revoke)
		} else {
			standing.Circular = append(standing.Circular, revoke)
		}
		found[oid] = standing
	})
	return found, err
}

// Remake lists the statements that would make a role again, but for its password and what it owned.
func (s *Session) Remake(ctx context.Context, oid int64) ([]string, error) {
	var statements []string
	err := s.row(ctx, sql.Remake, nil, []any{oid}, &statements)
	return statements, err
}
