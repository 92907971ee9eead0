package account

import (
	"context"
	"encoding/json"
	"fmt"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// What a sweep notes for the next one, each as one row of user_login_action, which has its name for an action.
const (
	ToldByNotice = "notice"   // what notices have told
	ToldToHub    = "findings" // what Security Hub has been told
)

// ReadNote reads what the latest sweep has noted, which is a Note; its zero value where that is nothing, or no such thing. Whoever is the
// shared role may have written it.
func ReadNote[Note any](ctx context.Context, s *postgres.Session, stateSchema, name string) (Note, error) {
	var text string
	var note, none Note
	err := s.Row(ctx, sql.SweepNote, postgres.Names{"state_schema": stateSchema}, []any{name}, &text)
	if err != nil || json.Unmarshal([]byte(text), &note) != nil {
		return none, err
	}
	return note, nil
}

// RecordNote keeps something for the next sweep, as JSON.
func RecordNote(ctx context.Context, s *postgres.Session, stateSchema, name string, note any) error {
	text, err := json.Marshal(note)
	if err != nil {
		return fmt.Errorf("noting %s: %w", name, err)
	}
	_, err = s.Send(ctx, sql.SweepRecordNote, postgres.Names{"state_schema": stateSchema}, name, string(text))
	return err
}
