package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
	"pgrotator/sql"
)

// Tables is where the sweep's tables are.
type Tables struct {
	Schema string
	Old    bool // they have only the columns of version 1.0: setup for the sweep brings them up to date
	Public bool // they are in public, where version 1.0 made them, and STATE_SCHEMA does not name it
}

// ErrNoTables says that setup has not made the sweep's tables.
var ErrNoTables = errors.New(`the pair is not set up for the sweep: run setup with "for":"sweep", which makes its tables`)

// oldPlace is the schema in which version 1.0 made its tables.
const oldPlace = "public"

// FindTables looks for the sweep's tables: in stateSchema, or where that is "" in the schema of setup's owner role, or in public
// where version 1.0 made them. It is an error if they are another's, not plain or of another shape: they would run their owner's
// code as the session's role. ErrNoTables is in the error where there are none.
func FindTables(ctx context.Context, s *postgres.Session, stateSchema string, i Installation) (Tables, error) {
	places := []string{stateSchema}
	if stateSchema == "" {
		places = []string{i.Owner, oldPlace}
	}
	for _, schema := range places {
		found, err := readTables(ctx, s, schema, i.Owner)
		if err != nil {
			return Tables{}, err
		}
		if len(found) == 0 {
			continue
		}
		old, err := admitTables(found, schema)
		if err == nil {
			err = admitSchema(ctx, s, schema, i)
		}
		return Tables{Schema: schema, Old: old, Public: stateSchema == "" && schema == oldPlace}, err
	}
	if stateSchema != "" {
		return Tables{}, fmt.Errorf("schema %s (STATE_SCHEMA) holds no tables of the sweep: %w", postgres.Quote(stateSchema), ErrNoTables)
	}
	return Tables{}, ErrNoTables
}

// HoldTables keeps the tables as they are until the end of the transaction that s is in, and looks at them once more: what is found
// is what the transaction uses.
func HoldTables(ctx context.Context, s *postgres.Session, t Tables, i Installation) error {
	if err := s.Exec(ctx, sql.SweepTablesHold, postgres.Names{"state_schema": t.Schema}); err != nil {
		return err
	}
	found, err := readTables(ctx, s, t.Schema, i.Owner)
	if err != nil {
		return err
	}
	if _, err := admitTables(found, t.Schema); err != nil {
		return err
	}
	return admitSchema(ctx, s, t.Schema, i)
}

// table is one of the sweep's tables as the catalogs tell of it.
type table struct {
	name    string
	owner   string
	ours    bool
	fault   string // what of it could run another's code, or ""
	columns []string
	usable  bool
}

func readTables(ctx context.Context, s *postgres.Session, schema, owner string) ([]table, error) {
	var found []table
	var t table
	into := []any{&t.name, &t.owner, &t.ours, &t.fault, &t.columns, &t.usable}
	err := s.Each(ctx, sql.SweepTablesState, nil, []any{schema, owner}, into, func() { found = append(found, t) })
	return found, err
}

// admitTables holds tables to be the sweep's and reports whether one of them has the columns of version 1.0.
func admitTables(found []table, schema string) (old bool, err error) {
	missing := tableColumns()
	for _, t := range found {
		columns := missing[t.name]
		delete(missing, t.name)
		if fault := t.unfit(columns); fault != "" {
			return false, &script.Refusal{Problem: fmt.Sprintf("table %s.%s, owned by %q, is not the sweep's: it %s", postgres.Quote(schema), t.name, t.owner, fault),
				Cure: `rename the table, or set STATE_SCHEMA to another schema, and run setup with "for":"sweep"`}
		}
		if !t.usable {
			return false, &script.Refusal{Problem: fmt.Sprintf("table %s.%s may not be read and written by the shared role", postgres.Quote(schema), t.name),
				Cure: `run setup with "for":"sweep", which permits it`}
		}
		old = old || !slices.Equal(t.columns, columns.now())
	}
	if len(missing) > 0 {
		return false, fmt.Errorf("schema %s lacks the sweep's table %s: %w", postgres.Quote(schema),
			strings.Join(slices.Sorted(maps.Keys(missing)), " and "), ErrNoTables)
	}
	return old, nil
}

// unfit says why a table is not the sweep's, "" if it is.
func (t table) unfit(columns tableShape) string {
	switch {
	case t.fault != "":
		return t.fault
	case !slices.Equal(t.columns, columns.now()) && !slices.Equal(t.columns, columns.first):
		return fmt.Sprintf("has the columns %s instead of %s", strings.Join(t.columns, ", "), strings.Join(columns.now(), ", "))
	case !t.ours:
		return "belongs to somebody else"
	}
	return ""
}

// admitSchema refuses a schema whose owner could put tables in the place of the sweep's.
func admitSchema(ctx context.Context, s *postgres.Session, schema string, i Installation) error {
	var holder string
	var trusted bool
	err := s.Row(ctx, sql.SweepTablesSchema, nil, []any{schema, i.Owner, i.Master}, &holder, &trusted)
	if err != nil || trusted {
		return err
	}
	return &script.Refusal{Problem: fmt.Sprintf("schema %s of the sweep's tables belongs to %q, who could put others in their place", postgres.Quote(schema), holder),
		Cure: `leave STATE_SCHEMA empty, or name a schema of the master's, and run setup with "for":"sweep"`}
}

// tableShape is the columns of a table, with their types, each list in the order of the names.
type tableShape struct {
	first []string // those of version 1.0
	since []string // those that setup has added to them
}

func (t tableShape) now() []string {
	return slices.Sorted(slices.Values(slices.Concat(t.first, t.since)))
}

// tableColumns are the sweep's tables as sql/sweep/tables.sql makes them.
func tableColumns() map[string]tableShape {
	return map[string]tableShape{
		"user_login_action": {first: []string{"action text", "detail jsonb", "happened_at timestamp with time zone", "user_name text"}},
		"user_login_job_status": {
			first: []string{"canary text", "canary_at timestamp with time zone", "canary_seen_at timestamp with time zone",
				"evidence_from timestamp with time zone", "instance_name text", "last_processed_time timestamp with time zone"},
			since: []string{"conf_loaded_at timestamp with time zone", "resource_id text", "run_number bigint", "sessions jsonb",
				"started_at timestamp with time zone", "streams jsonb"}},
		"user_login_status": {
			first: []string{"last_login_time timestamp with time zone", "locked_at timestamp with time zone", "role_oid oid",
				"status text", "status_changed_at timestamp with time zone", "user_name text"},
			since: []string{"first_seen_at timestamp with time zone", "last_login_source text"}},
	}
}

// SyncRows has rows follow roles: each role that can log in has one, and each that the sweep locked. A role that was dropped and made again
// under the same name starts anew, and so does one that a DBA lets log in for the first time.
func SyncRows(ctx context.Context, s *postgres.Session, t Tables) error {
	return s.Transaction(ctx, func() error {
		for _, statement := range []sql.Statement{sql.SweepForget, sql.SweepSync} {
			if _, err := s.Send(ctx, statement, postgres.Names{"state_schema": t.Schema}); err != nil {
				return err
			}
		}
		return nil
	})
}
