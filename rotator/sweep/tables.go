package sweep

import (
	"context"

	"pgrotator/rotator/account"
	"pgrotator/rotator/postgres"
)

// tables finds the tables, and tells where they should not stay. While they have the columns of version 1.0 nobody is acted on.
func (r *run) tables(ctx context.Context) (err error) {
	r.place, err = account.FindTables(ctx, r.writer, r.options.StateSchema, r.found)
	switch {
	case err != nil:
		return err
	case r.place.Old:
		r.evidence.Doubt(`The sweep's tables in schema %s have the columns of version 1.0: run setup with "for":"sweep".`, postgres.Quote(r.place.Schema))
	case r.place.Public:
		r.evidence.Note(`The sweep's tables are in schema %s, where version 1.0 made them: run setup with "for":"sweep", which moves them to the owner role's schema.`,
			postgres.Quote(r.place.Schema))
	}
	return nil
}
