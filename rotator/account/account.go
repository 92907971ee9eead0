// Package account is the sweep's statements: the roles of a cluster with what is remembered of them, how far each instance's log is
// read, who is left alone, and the locks and drops themselves.
package account

import (
	"context"
	"encoding/json"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
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
	Unlogged   string // why the log cannot carry the name as the catalogue has it; "" = it can
	CanLogin   bool
	Superuser  bool
	IAM        bool // a member of rds_iam, directly or not: logs in by IAM token
	Paired     bool // one of X, X_a and X_b, the latter two members of X
	Subscriber bool // owns a subscription, whose worker logs no login
	SetUp      bool // holds ADMIN on setup's owner role: setup ran as it, and will again
	Master     bool // holds ADMIN on every user of the secret's pair that exists, which is what a rotation asks of a master
	ByFunction bool // setup's functions can lock, unlock and drop it
	Directly   bool // the session's role can
	Tracked    bool // it has a row; what follows is that row

	Status        string
	LastLogin     time.Time
	Source        string    // what LastLogin rests on; "" = version 1.0 did not store it
	FirstSeen     time.Time // zero = not known
	StatusChanged time.Time
	LockedAt      time.Time // zero = the sweep has not locked it
	Lock          LockRecord
}

// LockRecord is when a role was locked, and on what grounds. Its zero value is a lock whose record is gone.
type LockRecord struct {
	At           time.Time `json:"at,omitzero"` // of its row in user_login_action: LockedAt moves where somebody lets the role in
	LastActivity time.Time `json:"lastActivity"`
	LockDays     int       `json:"lockDays"`
}

// LockSlack is for the log's whole seconds, and the moment between a lock's record and its commit; ../../sql/sweep/store.sql has it too.
const LockSlack = 2 * time.Second

// ActiveWhenLocked reports that its last activity is later than what its lock rests on, and not after the lock.
func (a Account) ActiveWhenLocked() bool {
	return a.LastLogin.After(a.Lock.LastActivity) && a.LastLogin.Before(a.LockedAt.Add(LockSlack))
}

// LockDoubted reports a role whose lock was wrong, as has come to light since, and is yet to be undone.
func (a Account) LockDoubted() bool {
	return !a.LockedAt.IsZero() && a.Lock != LockRecord{} && a.ActiveWhenLocked()
}

// Contradicted reports that a lock would not have been made, had activity of a time been known: it is later than what the lock rests on,
// and not so long before it. Of a lock whose record is gone any may be.
func (r LockRecord) Contradicted(at time.Time) bool {
	return r == LockRecord{} || at.After(r.LastActivity) && r.At.Sub(at) < time.Duration(r.LockDays)*24*time.Hour
}

// Installation is what setup left in a database, as far as the session can see it, and the databases there are.
type Installation struct {
	Users     []string // of the secret's pair
	Owner     string   // setup's owner role for this pair, or ""
	Master    string   // the cluster's master user, where the caller knows it; or ""
	Functions string   // the schema of the functions that the session may call, or ""
	Records   []role.Record
	Databases []Database
}

// ReadInstallation looks for what setup made for a pair whose shared role the session is.
func ReadInstallation(ctx context.Context, s *postgres.Session, user, partner string) (Installation, error) {
	p := Installation{Users: []string{user, partner}}
	var comments []string
	err := s.Row(ctx, sql.SweepPair, nil, []any{user, partner}, &p.Owner, &p.Functions, &comments)
	if err != nil {
		return p, err
	}
	p.Records = role.Records(comments)
	p.Databases, err = readDatabases(ctx, s)
	return p, err
}

// List reads every role of the cluster, in the order of their names.
func List(ctx context.Context, s *postgres.Session, stateSchema string, found Installation) ([]Account, error) {
	var accounts []Account
	var a Account
	var lastLogin, changed, lockedAt, firstSeen *time.Time
	var lock string
	var plain bool
	into := []any{&a.OID, &a.Name, &plain, &a.Quoted, &a.CanLogin, &a.Superuser, &a.IAM, &a.Paired, &a.Subscriber, &a.SetUp, &a.Master,
		&a.ByFunction, &a.Directly, &a.Tracked, &a.Status, &lastLogin, &a.Source, &changed, &lockedAt, &firstSeen, &lock}
	err := s.Each(ctx, sql.SweepAccounts, postgres.Names{"state_schema": stateSchema}, []any{found.Functions, found.Owner, found.Users}, into, func() {
		a.LastLogin, a.StatusChanged, a.LockedAt, a.FirstSeen = timeOf(lastLogin), timeOf(changed), timeOf(lockedAt), timeOf(firstSeen)
		a.Lock = lockRecord(lock)
		a.Unlogged = unlogged(a.Name, plain)
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
