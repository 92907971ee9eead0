package role

import (
	"context"

	"pgrotator/sql"
)

// TablesState is whether a sweep could work with its tables.
type TablesState struct {
	Missing []string // tables that the first sweep makes
	Usable  bool     // those there can be read and written, and those missing made
}

// SweepTables looks at the sweep's tables in schema, which must belong to the session's role or to owner, without making any. It
// is an error if one is another's or of another shape.
func (s *Session) SweepTables(ctx context.Context, schema, owner string) (TablesState, error) {
	state, err := s.InstanceState(ctx)
	if err != nil {
		return TablesState{}, err
	}
	owners := []string{state.CurrentUser}
	if owner != "" {
		owners = append(owners, owner)
	}
	var t TablesState
	if t.Missing, err = s.AdmitSweepTables(ctx, schema, owners); err != nil {
		return t, err
	}
	return t, s.row(ctx, sql.SweepTablesUsable, nil, []any{schema}, &t.Usable)
}
