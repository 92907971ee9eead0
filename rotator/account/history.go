package account

import (
	"context"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// Holdings is what a role has beyond its login.
type Holdings struct {
	Privileges []string // attributes such as createrole, and memberships in roles of PostgreSQL and RDS
	Objects    int64    // that it owns, in all databases
}

// ReadHoldings reads what the roles have that can log in or have a row, by oid.
func ReadHoldings(ctx context.Context, s *postgres.Session, stateSchema string) (map[int64]Holdings, error) {
	all := map[int64]Holdings{}
	var oid int64
	var h Holdings
	err := s.Each(ctx, sql.SweepHoldings, postgres.Names{"state_schema": stateSchema}, nil, []any{&oid, &h.Privileges, &h.Objects}, func() {
		all[oid] = h
		h.Privileges = nil
	})
	return all, err
}

// Action is a row of user_login_action. Whoever is the shared role may have written it.
type Action struct {
	At           time.Time
	User         string
	Action       string
	LastActivity string // as the sweep wrote it: RFC 3339
	IdleDays     string
	EvidenceTo   string // RFC 3339
	Reason       string
}

// ReadHistory reads the latest actions, newest first.
func ReadHistory(ctx context.Context, s *postgres.Session, stateSchema string, most int) ([]Action, error) {
	var list []Action
	var a Action
	into := []any{&a.At, &a.User, &a.Action, &a.LastActivity, &a.IdleDays, &a.EvidenceTo, &a.Reason}
	err := s.Each(ctx, sql.SweepHistory, postgres.Names{"state_schema": stateSchema}, []any{most}, into, func() {
		a.At = a.At.UTC()
		list = append(list, a)
	})
	return list, err
}

// RecordSpared notes roles that were due and were left alone, each with why, a JSON object.
func RecordSpared(ctx context.Context, s *postgres.Session, stateSchema string, names, details []string) error {
	_, err := s.Send(ctx, sql.SweepRecordSpared, postgres.Names{"state_schema": stateSchema}, names, details)
	return err
}
