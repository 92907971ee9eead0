package account

import (
	"context"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// LogRecord is one instance's row in user_login_job_status.
type LogRecord struct {
	Instance     string
	ProcessedTo  time.Time // last_processed_time: the log is read up to here
	EvidenceFrom time.Time // the record of logins is unbroken since then
	Canary       string    // the sweep's own logins not yet found in the log, newest first, parted by spaces
	CanaryAt     time.Time // when the newest of them logged in
	CanarySeenAt time.Time // when the newest one found had logged in
}

// Activity is when a role was active.
type Activity struct {
	Role string
	At   time.Time
}

// ReadLogRecords reads every instance's row.
func ReadLogRecords(ctx context.Context, s *postgres.Session, stateSchema string) ([]LogRecord, error) {
	var records []LogRecord
	var r LogRecord
	var canaryAt, seenAt *time.Time
	into := []any{&r.Instance, &r.ProcessedTo, &r.EvidenceFrom, &r.Canary, &canaryAt, &seenAt}
	err := s.Each(ctx, sql.SweepRecords, postgres.Names{"state_schema": stateSchema}, nil, into, func() {
		r.ProcessedTo, r.EvidenceFrom = r.ProcessedTo.UTC(), r.EvidenceFrom.UTC()
		r.CanaryAt, r.CanarySeenAt = timeOf(canaryAt), timeOf(seenAt)
		records = append(records, r)
	})
	return records, err
}

// Store writes activity and records at one stroke and forgets instances. Activity only ever moves a role's clock forward, so
// that storing the same again changes nothing.
func Store(ctx context.Context, s *postgres.Session, stateSchema string, active []Activity, records []LogRecord, forget []string) error {
	roles, at := make([]string, len(active)), make([]time.Time, len(active))
	for i, a := range active {
		roles[i], at[i] = a.Role, a.At
	}
	n := len(records)
	instances, canaries := make([]string, n), make([]string, n)
	processed, evidence := make([]time.Time, n), make([]time.Time, n)
	canaryAt, seenAt := make([]*time.Time, n), make([]*time.Time, n)
	for i, r := range records {
		instances[i], canaries[i], processed[i], evidence[i] = r.Instance, r.Canary, r.ProcessedTo, r.EvidenceFrom
		canaryAt[i], seenAt[i] = nullable(r.CanaryAt), nullable(r.CanarySeenAt)
	}
	if forget == nil {
		forget = []string{}
	}
	_, err := s.Send(ctx, sql.SweepStore, postgres.Names{"state_schema": stateSchema},
		roles, at, instances, processed, evidence, canaries, canaryAt, seenAt, forget)
	return err
}
