package sweep

import (
	"context"

	"pgrotator/rotator/account"
	"pgrotator/rotator/postgres"
)

// tables finds the tables. While they have the columns of version 1.0 nobody is acted on.
func (r *run) tables(ctx context.Context) (err error) {
	r.place, err = account.FindTables(ctx, r.writer, r.options.StateSchema, r.found)
	if err == nil && r.place.Old {
		r.evidence.Doubt(`The sweep's tables in schema %s have the columns of version 1.0: run setup with "for":"sweep".`, postgres.Quote(r.place.Schema))
	}
	return err
}
