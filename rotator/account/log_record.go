package account

import (
	"context"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// LogRecord is one instance's row in user_login_job_status. What 1.0 did not store is zero.
type LogRecord struct {
	Instance     string
	ProcessedTo  time.Time // last_processed_time: the log is read up to here
	EvidenceFrom time.Time // the record of logins is unbroken since then
	Canary       string    // the sweep's own logins not yet found in the log, newest first, parted by spaces
	CanaryAt     time.Time // when the newest of them logged in
	CanarySeenAt time.Time // when the newest one found had logged in
	ResourceID   string    // DbiResourceId
	StartedAt    time.Time // pg_postmaster_start_time() at the last look
	ConfLoadedAt time.Time // pg_conf_load_time() at the last look
	Sessions     string    // JSON, package evidence's: what the looks counted
	RunNumber    int64     // of the last run that committed
	Streams      string    // JSON, package evidence's: how far each stream is read, and what the second reading has covered
}

// Activity is when a role was active.
type Activity struct {
	Role   string
	At     time.Time
	Began  time.Time // when the session began that shows it, at the latest; zero = its role was active when it was locked
	Source string    // what it rests on, for last_login_source
}

// ReadLogRecords reads every instance's row.
func ReadLogRecords(ctx context.Context, s *postgres.Session, stateSchema string) ([]LogRecord, error) {
	var records []LogRecord
	var r LogRecord
	var canaryAt, seenAt, started, loaded *time.Time
	into := []any{&r.Instance, &r.ProcessedTo, &r.EvidenceFrom, &r.Canary, &canaryAt, &seenAt,
		&r.ResourceID, &started, &loaded, &r.Sessions, &r.RunNumber, &r.Streams}
	err := s.Each(ctx, sql.SweepRecords, postgres.Names{"state_schema": stateSchema}, nil, into, func() {
		r.ProcessedTo, r.EvidenceFrom = r.ProcessedTo.UTC(), r.EvidenceFrom.UTC()
		r.CanaryAt, r.CanarySeenAt = timeOf(canaryAt), timeOf(seenAt)
		r.StartedAt, r.ConfLoadedAt = timeOf(started), timeOf(loaded)
		records = append(records, r)
	})
	return records, err
}

// Store writes activity and records at one stroke and forgets instances. Activity only ever moves a role's clock forward, so
// that storing the same again changes nothing.
//
// Tables with the columns of version 1.0 hold what those can.
func Store(ctx context.Context, s *postgres.Session, t Tables, active []Activity, records []LogRecord, forget []string) error {
	if forget == nil {
		forget = []string{}
	}
	statement, columns := sql.SweepStore, append(activityColumns(active), recordColumns(records)...)
	if t.Old {
		statement, columns = sql.SweepStoreOld, append(activityColumns(active)[:2], recordColumns(records)[:6]...)
	}
	_, err := s.Send(ctx, statement, postgres.Names{"state_schema": t.Schema}, append(columns, forget)...)
	return err
}

func activityColumns(active []Activity) []any {
	n := len(active)
	roles, sources := make([]string, n), make([]string, n)
	at, began := make([]time.Time, n), make([]*time.Time, n)
	for i, a := range active {
		roles[i], at[i], began[i], sources[i] = a.Role, a.At, nullable(a.Began), a.Source
	}
	return []any{roles, at, began, sources}
}

func recordColumns(records []LogRecord) []any {
	n := len(records)
	instances, canaries, resources := make([]string, n), make([]string, n), make([]string, n)
	sessions, streams, runs := make([]string, n), make([]string, n), make([]int64, n)
	processed, evidence := make([]time.Time, n), make([]time.Time, n)
	canaryAt, seenAt, started, loaded := make([]*time.Time, n), make([]*time.Time, n), make([]*time.Time, n), make([]*time.Time, n)
	for i, r := range records {
		instances[i], canaries[i], resources[i] = r.Instance, r.Canary, r.ResourceID
		sessions[i], streams[i], runs[i] = r.Sessions, r.Streams, r.RunNumber
		processed[i], evidence[i] = r.ProcessedTo, r.EvidenceFrom
		canaryAt[i], seenAt[i], started[i], loaded[i] = nullable(r.CanaryAt), nullable(r.CanarySeenAt), nullable(r.StartedAt), nullable(r.ConfLoadedAt)
	}
	return []any{instances, processed, evidence, canaries, canaryAt, seenAt, resources, started, loaded, sessions, runs, streams}
}
