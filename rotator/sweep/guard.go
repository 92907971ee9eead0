package sweep

import (
	"context"

	"pgrotator/rotator/account"
)

// takeLock lets one sweep at a time work, by a lock on a table that a stranger has no right to take, in a session of its own that
// keeps it until the run's end. It returns who holds the lock instead, or "".
func (r *run) takeLock(ctx context.Context) (holder string, err error) {
	if holder, err = account.TakeLock(ctx, r.guard, r.place.Schema); err != nil || holder != "" {
		return holder, err
	}
	// Whoever owns the schema might have put another table in the place of one that was looked at before.
	return "", account.HoldTables(ctx, r.guard, r.place, r.found)
}
