package account

import (
	"context"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// TablesState is whether a sweep could work with its tables.
type TablesState struct {
	Missing []string // tables that the first sweep makes
	Usable  bool     // those there can be read and written, and those missing made
}

// ReadTablesState looks at the sweep's tables in schema, which must belong to the session's role or to owner, without making any. It
// is an error if one is another's or of another shape.
func ReadTablesState(ctx context.Context, s *postgres.Session, schema, owner string) (TablesState, error) {
	state, err := ReadInstance(ctx, s)
	if err != nil {
		return TablesState{}, err
	}
	owners := []string{state.CurrentUser}
	if owner != "" {
		owners = append(owners, owner)
	}
	var t TablesState
	if t.Missing, err = AdmitTables(ctx, s, schema, owners); err != nil {
		return t, err
	}
	return t, s.Row(ctx, sql.SweepTablesUsable, nil, []any{schema}, &t.Usable)
}
