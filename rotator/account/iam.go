package account

import (
	"context"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// IAMMember is a role that RDS takes for a member of rds_iam: it logs in by IAM token, and its password is refused.
type IAMMember struct {
	Name     string
	CanLogin bool
	Group    bool // it has members itself
	// LockedOut reports an administrator whom only the roles that it administers make a member: it loses its password login by them.
	LockedOut bool
	Through   []string // the roles of which it is a member itself, and through which it is one of rds_iam; rds_iam among them
}

// ReadIAMMembers lists the members of rds_iam, however they are it, in the order of their names; none where there is no rds_iam.
func ReadIAMMembers(ctx context.Context, s *postgres.Session) ([]IAMMember, error) {
	var list []IAMMember
	var m IAMMember
	err := s.Each(ctx, sql.IAMMembers, nil, nil, []any{&m.Name, &m.CanLogin, &m.Group, &m.LockedOut, &m.Through}, func() {
		list = append(list, m)
		m.Through = nil
	})
	return list, err
}
