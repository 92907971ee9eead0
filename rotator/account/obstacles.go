package account

import (
	"context"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
	"pgrotator/sql"
)

// Dependency is how much depends on a role in one database.
type Dependency struct {
	Database   string // "" = what all databases share
	Unreadable int64  // the oid of a database whose name the session's encoding does not have, else 0: Database then tells its oid
	Objects    int
}

// Obstacles is what keeps a role from being dropped.
type Obstacles struct {
	Dependencies []Dependency
	Members      bool // some role inherits from it or may become it
}

// None reports that nothing keeps the role from being dropped.
func (o Obstacles) None() bool {
	return len(o.Dependencies) == 0 && !o.Members
}

// ReadObstacles looks, in all databases, for what keeps roles from being dropped; by oid.
func ReadObstacles(ctx context.Context, s *postgres.Session, oids []int64) (map[int64]Obstacles, error) {
	found := map[int64]Obstacles{}
	var oid int64
	var d Dependency
	err := s.Each(ctx, sql.Dependencies, nil, []any{oids}, []any{&oid, &d.Database, &d.Unreadable, &d.Objects}, func() {
		obstacles := found[oid]
		obstacles.Dependencies = append(obstacles.Dependencies, d)
		found[oid] = obstacles
	})
	if err != nil {
		return nil, err
	}
	err = s.Each(ctx, sql.Members, nil, []any{oids}, []any{&oid}, func() {
		obstacles := found[oid]
		obstacles.Members = true
		found[oid] = obstacles
	})
	return found, err
}

// Remake lists the statements that would make a role again, but for its password and what it owned.
func Remake(ctx context.Context, s *postgres.Session, oid int64) ([]string, error) {
	var former script.Former
	if err := s.Row(ctx, sql.Remake, nil, []any{oid}, &former); err != nil {
		return nil, err
	}
	var statements []string
	for _, statement := range script.Remake(former) {
		statements = append(statements, string(statement))
	}
	return statements, nil
}
