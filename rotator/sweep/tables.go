package sweep

import (
	"context"

	"pgrotator/rotator/account"
)

// tables makes the tables that are missing and refuses those that are not the sweep's.
func (r *run) tables(ctx context.Context) error {
	r.schema = r.options.StateSchema
	owners := []string{r.server.CurrentUser}
	if r.found.Owner != "" {
		owners = append(owners, r.found.Owner)
	}
	missing, err := account.AdmitTables(ctx, r.writer, r.schema, owners)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := account.MakeTables(ctx, r.writer, r.schema); err != nil {
		return err
	}
	// Somebody else may have made them at the same moment.
	_, err = account.AdmitTables(ctx, r.writer, r.schema, owners)
	return err
}
