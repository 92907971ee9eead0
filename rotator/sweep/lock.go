package sweep

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
	"pgrotator/rotator/sweep/policy"
)

// stopActing is what must be left of the run's time to begin another change: the look afterwards, and undoing.
const stopActing = 15 * time.Second

// undoing is the part of it that is kept for undoing.
const undoing = 5 * time.Second

// lockAndDrop locks, with the roles to be locked, those to be dropped that can still log in: nobody shall log in to a role while
// it is dropped.
func (r *run) lockAndDrop(ctx context.Context, locks, drops []policy.Verdict) {
	open, shut := partition(drops, policy.Verdict.NeverLocked)
	locked, open := r.lock(ctx, locks), r.lock(ctx, open)
	slipped := r.slipped(ctx, slices.Concat(locked, open))
	for _, v := range locked {
		if !slipped[v.Account.Name] {
			r.report.Locked = append(r.report.Locked, r.closed(v))
			r.setStatus(v.Account.Name, account.Locked)
		}
	}
	for _, v := range slices.Concat(shut, open) {
		if !slipped[v.Account.Name] {
			r.drop(ctx, v)
		}
	}
}

// lock takes LOGIN away from roles, each in its own transaction, and gives those of which it did.
func (r *run) lock(ctx context.Context, verdicts []policy.Verdict) []policy.Verdict {
	var locked []policy.Verdict
	for _, v := range verdicts {
		if outOfTime(ctx) {
			r.fail(v, "the function's time was up before its turn", "The next run does it.")
			continue
		}
		done, err := r.change(ctx, account.Lock, r.closing(v, nil))
		switch {
		case err != nil:
			r.fail(v, err.Error(), r.nextStep(v, err))
		case done:
			r.logAction(ctx, "role locked", v)
			locked = append(locked, v)
		}
	}
	return locked
}

// change changes a role, as long as this run has the database to itself.
func (r *run) change(ctx context.Context, act func(context.Context, *postgres.Session, account.Closing) (bool, error), c account.Closing) (bool, error) {
	if err := account.HoldsLock(ctx, r.guard); err != nil {
		return false, err
	}
	return act(ctx, r.writer, c)
}

// outOfTime reports that no further change may begin.
func outOfTime(ctx context.Context) bool { return !timeFor(ctx, stopActing) }

// timeFor reports that so much of the function's time is left.
func timeFor(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) >= d
}

// slipped looks again once all locks are committed, and gives LOGIN back to whoever got in before. Where it cannot look, nobody
// can tell who did: all get it back. The function's own deadline does not keep it from undoing.
func (r *run) slipped(ctx context.Context, locked []policy.Verdict) map[string]bool {
	if len(locked) == 0 {
		return nil
	}
	giveUp := replayUntil(ctx)
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), giveUp.Add(2*stopActing))
	defer cancel()
	open, err := r.lookAgain(ctx, users(locked), giveUp)
	if err != nil {
		r.evidence.Doubt("All locks of this run were undone, since it could not be looked at again who had logged in meanwhile: %v.", err)
	}
	undone := map[string]bool{}
	for _, v := range locked {
		switch name := v.Account.Name; {
		case err != nil:
			v.Reason, undone[name] = "it could not be looked at again after the lock", true
		case open[name]:
			v.Reason, undone[name] = "it logged in while it was being locked", true
			v.Last, v.Idle = r.evidence.Start, 0
		default:
			continue
		}
		r.unlock(ctx, v)
	}
	return undone
}

// unlock gives LOGIN back to a role that is in use.
func (r *run) unlock(ctx context.Context, v policy.Verdict) {
	if !r.dryRun {
		done, err := r.change(ctx, account.Unlock, r.closing(v, nil))
		if err != nil {
			r.fail(v, "it was locked and should not be ("+v.Reason+"), and "+err.Error(), string(script.Unlock(v.Account.Name)))
			return
		}
		if !done {
			return
		}
		r.logAction(ctx, "role unlocked", v)
		r.setStatus(v.Account.Name, account.Active)
	}
	r.report.Unlocked = append(r.report.Unlocked, r.closed(v))
}

// reactivate takes note of roles that somebody else let log in again.
func (r *run) reactivate(ctx context.Context, verdicts []policy.Verdict) error {
	if len(verdicts) == 0 {
		return nil
	}
	var accounts []account.Account
	for _, v := range verdicts {
		r.report.Unlocked = append(r.report.Unlocked, r.closed(v))
		accounts = append(accounts, v.Account)
	}
	if r.dryRun {
		return nil
	}
	for _, v := range verdicts {
		r.setStatus(v.Account.Name, account.Active)
		r.logAction(ctx, "role reactivated", v)
	}
	return account.Reactivate(ctx, r.writer, r.place.Schema, accounts)
}

// drop drops a role that nothing depends on, and writes down what would make it again.
func (r *run) drop(ctx context.Context, v policy.Verdict) {
	remake, err := account.Remake(ctx, r.writer, v.Account.OID)
	done := false
	if err == nil {
		done, err = r.change(ctx, account.Drop, r.closing(v, remake))
	}
	if err != nil {
		r.fail(v, err.Error(), r.nextStep(v, err))
	}
	if done {
		r.logAction(ctx, "role dropped", v, slog.Any("remake", remake))
		r.report.Deleted = append(r.report.Deleted, r.closed(v))
		delete(r.status, v.Account.Name)
		return
	}
	if v.NeverLocked() {
		v.Reason = "it was locked only to be dropped, and could not be"
		r.unlock(ctx, v)
	}
}
