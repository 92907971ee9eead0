package role

import (
	"context"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// BeforeUpgrade lists the statements that the master has to run before an upgrade to PostgreSQL 16 or later, for setup's function to
// go on and the master to keep its power over the pair. There are none where setup has given it all, on 16 itself, and where a pair
// is not set up.
func BeforeUpgrade(ctx context.Context, s *postgres.Session, user, partner, shared string) ([]string, error) {
	var statements []string
	err := s.Row(ctx, sql.SetupUpgrade, nil, []any{ownerName(shared), []string{user, partner}, shared}, &statements)
	return statements, err
}
