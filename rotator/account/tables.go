package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// sweepTables are the sweep's tables and their columns, in the order of their names.
func sweepTables() map[string][]string {
	return map[string][]string{
		"user_login_action": {"action text", "detail jsonb", "happened_at timestamp with time zone", "user_name text"},
		"user_login_job_status": {"canary text", "canary_at timestamp with time zone", "canary_seen_at timestamp with time zone",
			"evidence_from timestamp with time zone", "instance_name text", "last_processed_time timestamp with time zone"},
		"user_login_status": {"last_login_time timestamp with time zone", "locked_at timestamp with time zone", "role_oid oid",
			"status text", "status_changed_at timestamp with time zone", "user_name text"},
	}
}

// AdmitTables holds the tables in schema to be plain ones, of the expected shape and owned by one of owners: another's
// table would run its owner's code as the session's role. Tables that do not exist are missing.
func AdmitTables(ctx context.Context, s *postgres.Session, schema string, owners []string) (missing []string, err error) {
	expected := sweepTables()
	var table, owner, fault string
	var columns []string
	var refused error
	err = s.Each(ctx, sql.SweepTablesState, nil, []any{schema}, []any{&table, &owner, &fault, &columns}, func() {
		if fault == "" && !slices.Equal(columns, expected[table]) {
			fault = fmt.Sprintf("has the columns %s instead of %s", strings.Join(columns, ", "), strings.Join(expected[table], ", "))
		}
		if fault == "" && !slices.Contains(owners, owner) {
			fault = "belongs to somebody else"
		}
		if fault != "" && refused == nil {
			refused = fmt.Errorf("table %s.%s, owned by %q, is not the sweep's: it %s (expected a plain table of %s): set STATE_SCHEMA to another schema and run setup, or rename the table",
				postgres.Quote(schema), table, owner, fault, strings.Join(owners, " or "))
		}
		delete(expected, table)
	})
	if err != nil {
		return nil, err
	}
	for table := range expected {
		missing = append(missing, table)
	}
	slices.Sort(missing)
	return missing, refused
}

// MakeTables makes the tables that are missing, owned by the session's role.
func MakeTables(ctx context.Context, s *postgres.Session, schema string) error {
	err := s.Exec(ctx, sql.SweepTables, postgres.Names{"state_schema": schema})
	if err != nil {
		return fmt.Errorf("making the sweep's tables in STATE_SCHEMA %s: %w (setup makes them, and the schema)", postgres.Quote(schema), err)
	}
	return nil
}

// SyncRows gives each role that can log in a row, and takes away the rows of roles that are gone.
func SyncRows(ctx context.Context, s *postgres.Session, schema string) error {
	_, err := s.Send(ctx, sql.SweepSync, postgres.Names{"state_schema": schema})
	return err
}
