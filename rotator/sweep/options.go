package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"pgrotator/rotator/account"
)

const day = 24 * time.Hour

// Options are the operator's choices.
type Options struct {
	LockDays    int                 // LOCK_INTERVAL_DAYS; 0 = never
	DeleteDays  int                 // DELETE_INTERVAL_DAYS, more than LockDays; 0 = never
	Ignore      []account.Exception // IGNORE_USER_LIST
	MaxChanges  int                 // MAX_CHANGES_PER_RUN; 0 = no bound
	Lag         time.Duration       // INGESTION_LAG_SECONDS
	Stack       string              // the function's name, which tells this deployment's own logins from another's in the same cluster
	StateSchema string              // STATE_SCHEMA; "" = where setup has put the tables
	Version     string              // of this program, for the manifest
	IAMReview   bool                // IAM_REVIEW: say who may log in by IAM
}

// stack tells this deployment's logins for one database from all others, in few characters: it becomes part of an application_name,
// which ends at 63 bytes.
func (o Options) stack(database string) string {
	sum := sha256.Sum256([]byte(o.Stack + "\x00" + database))
	return hex.EncodeToString(sum[:4])
}

func (o Options) lockAfter() time.Duration   { return time.Duration(o.LockDays) * day }
func (o Options) deleteAfter() time.Duration { return time.Duration(o.DeleteDays) * day }

// interval is the longest after which a role is closed; 0 = none is.
func (o Options) interval() time.Duration { return max(o.lockAfter(), o.deleteAfter()) }

// longest is how long a record is kept.
func (o Options) longest() time.Duration { return max(o.interval(), 90*day) }
