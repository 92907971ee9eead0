package role

import (
	"context"
	"encoding/json"
	"time"

	"pgrotator/sql"
)

// The statuses of a role's row in user_login_status.
const (
	Active        = "Active"
	Locked        = "Locked"
	ReadyToDelete = "ReadyToDelete"
)

// Account is a role and its row in user_login_status.
type Account struct {
	OID        int64
	Name       string
	Quoted     string // as SQL writes it
	CanLogin   bool
	Superuser  bool
	IAM        bool // a member of rds_iam, directly or not: logs in by IAM token
	Paired     bool // one of X, X_a and X_b, the latter two members of X
	Subscriber bool // owns a subscription, whose worker logs no login
	ByFunction bool // setup's functions can lock, unlock and drop it
	Directly   bool // the session's role can
	Tracked    bool // it has a row; what follows is that row

	Status        string
	LastLogin     time.Time
	StatusChanged time.Time
	LockedAt      time.Time // zero = the sweep has not locked it
	Lock          LockRecord
}

// LockRecord is on what grounds a role was locked. Its zero value is a lock whose record is gone.
type LockRecord struct {
	LastActivity time.Time `json:"lastActivity"`
	LockDays     int       `json:"lockDays"`
}

// SweepPair is what setup left in a database, as far as the sweep can see it, and the databases there are.
type SweepPair struct {
	Owner     string // setup's owner role for this pair, or ""
	Functions string // the schema of the functions that the session may call, or ""
	Records   []Record
	Databases []string
}

// SweepPair looks for what setup made for a pair whose shared role the session is.
func (s *Session) SweepPair(ctx context.Context, user, partner string) (SweepPair, error) {
	var p SweepPair
	var comments []string
	err := s.row(ctx, sql.SweepPair, nil, []any{user, partner}, &p.Owner, &p.Functions, &comments, &p.Databases)
	p.Records = records(comments)
	return p, err
}

// Accounts reads every role of the cluster, in the order of their names. functions is the schema of setup's functions, or "".
func (s *Session) Accounts(ctx context.Context, stateSchema, functions string) ([]Account, error) {
	var accounts []Account
	var a Account
	var lastLogin, changed, lockedAt *time.Time
	var lock string
	into := []any{&a.OID, &a.Name, &a.Quoted, &a.CanLogin, &a.Superuser, &a.IAM, &a.Paired, &a.Subscriber,
		&a.ByFunction, &a.Directly, &a.Tracked, &a.Status, &lastLogin, &changed, &lockedAt, &lock}
	err := s.each(ctx, sql.SweepAccounts, names{"state_schema": stateSchema}, []any{functions}, into, func() {
		a.LastLogin, a.StatusChanged, a.LockedAt = timeOf(lastLogin), timeOf(changed), timeOf(lockedAt)
		a.Lock = lockRecord(lock)
		accounts = append(accounts, a)
	})
	return accounts, err
}

// lockRecord leaves out what is no record: others may write into user_login_action too.
func lockRecord(detail string) LockRecord {
	var r LockRecord
	if detail == "" || json.Unmarshal([]byte(detail), &r) != nil {
		return LockRecord{}
	}
	return r
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
