package account

import (
	"context"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// ReadNotice reads what notices have told, as RecordNotice wrote it; "" = nothing yet. Whoever is the shared role may have written it.
func ReadNotice(ctx context.Context, s *postgres.Session, stateSchema string) (told string, err error) {
	err = s.Row(ctx, sql.SweepNotice, postgres.Names{"state_schema": stateSchema}, nil, &told)
	return told, err
}

// RecordNotice keeps what notices have told, a JSON object.
func RecordNotice(ctx context.Context, s *postgres.Session, stateSchema, told string) error {
	_, err := s.Send(ctx, sql.SweepRecordNotice, postgres.Names{"state_schema": stateSchema}, told)
	return err
}
