package account

import (
	"context"
	"encoding/json"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// Instance is what a session tells of the instance that it is on.
type Instance struct {
	Version     int // server_version_num
	Standby     bool
	CurrentUser string    // whom the session became at login
	Clock       time.Time // the server's, when it answered
	Started     time.Time // pg_postmaster_start_time()
	Loaded      time.Time // pg_conf_load_time()
	Logging     Logging
	Sessions    map[string]SessionCount // by database
}

// SessionCount is pg_stat_database.sessions of a database.
type SessionCount struct {
	OID   uint32 `json:"oid"`   // the database's: another one that comes to have its name has another
	Count int64  `json:"count"` // 0 again after a crash, or after pg_stat_reset() in it
}

// ReadInstance asks the instance about itself and keeps the session open for the long reading of its log.
func ReadInstance(ctx context.Context, s *postgres.Session) (Instance, error) {
	var i Instance
	var sessions string
	err := s.Row(ctx, sql.SweepInstance, nil, nil, &i.Version, &i.Standby, &i.CurrentUser, &i.Clock, &i.Started, &i.Loaded,
		&i.Logging.Connections, &i.Logging.MinMessages, &i.Logging.LinePrefix, &i.Logging.Destination, &i.Logging.Messages, &sessions)
	i.Clock, i.Started, i.Loaded = i.Clock.UTC(), i.Started.UTC(), i.Loaded.UTC()
	if err == nil {
		err = json.Unmarshal([]byte(sessions), &i.Sessions)
	}
	return i, err
}

// OpenSessions counts the sessions and other backends of each role on this instance.
func OpenSessions(ctx context.Context, s *postgres.Session) (map[string]int, error) {
	open := map[string]int{}
	var name string
	var count int
	err := s.Each(ctx, sql.SweepSessions, nil, nil, []any{&name, &count}, func() { open[name] = count })
	return open, err
}

// StillOpen lists which of the roles can log in on this instance. A reader learns of a lock when it has replayed it.
func StillOpen(ctx context.Context, s *postgres.Session, roles []string) ([]string, error) {
	var open []string
	var name string
	err := s.Each(ctx, sql.SweepLockedHere, nil, []any{roles}, []any{&name}, func() { open = append(open, name) })
	return open, err
}
