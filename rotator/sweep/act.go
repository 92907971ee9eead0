package sweep

import (
	"context"
	"fmt"
	"slices"

	"pgrotator/rotator/account"
	"pgrotator/rotator/report"
	"pgrotator/rotator/script"
	"pgrotator/rotator/sweep/policy"
)

// act does what the verdicts ask for: what helps a role first, whatever the evidence; then, for all at once, lock, look again and
// unlock whoever slipped in; then drop; then mark.
func (r *run) act(ctx context.Context, verdicts []policy.Verdict) error {
	if err := r.reactivate(ctx, due(verdicts, policy.Reactivate)); err != nil {
		return err
	}
	for _, v := range due(verdicts, policy.Complain) {
		r.fail(v, "the table says Active, and the role is still NOLOGIN", string(script.Unlock(v.Account.Name)))
	}
	for _, v := range r.permitted(due(verdicts, policy.Unlock)) {
		r.unlock(ctx, v)
	}
	if err := r.recordSpared(ctx); err != nil {
		return err
	}
	standing, err := r.standing(ctx, verdicts)
	if err != nil {
		return err
	}
	if err := r.closeRoles(ctx, verdicts, standing); err != nil {
		return err
	}
	r.reportReady(verdicts, standing)
	r.countStatuses()
	return nil
}

// closeRoles locks and drops what nothing stands in the way of, and marks the rest.
func (r *run) closeRoles(ctx context.Context, verdicts []policy.Verdict, standing map[int64]account.Obstacles) error {
	drops, blocked := partition(r.permitted(due(verdicts, policy.Drop)), func(v policy.Verdict) bool { return standing[v.Account.OID].None() })
	for i := range blocked {
		blocked[i].Action = policy.MarkReady
	}
	if !r.closeDue(ctx, r.permitted(due(verdicts, policy.Lock)), drops) {
		return nil
	}
	return r.mark(ctx, slices.Concat(due(verdicts, policy.MarkReady, policy.MarkActive, policy.MarkLocked), blocked))
}

// closeDue locks and drops, unless there are more roles than the operator allows for a run. It is false where in the end the
// evidence was not good enough.
func (r *run) closeDue(ctx context.Context, locks, drops []policy.Verdict) bool {
	all := slices.Concat(locks, drops)
	if len(all) == 0 {
		return true
	}
	if r.options.MaxChanges > 0 && len(all) > r.options.MaxChanges {
		r.report.Held = report.Held{Users: users(all), Reason: fmt.Sprintf(
			"%d roles are due and MAX_CHANGES_PER_RUN is %d, so none was touched: look through the list, then raise it for a run, or exempt roles by IGNORE_USER_LIST.",
			len(all), r.options.MaxChanges)}
		return true
	}
	open, shut := partition(drops, policy.Verdict.NeverLocked)
	active, current, err := r.activeNow(ctx, len(open) > 0)
	if err != nil {
		r.evidence.Doubt("Nothing was done, since it could not be looked at again who is active: %v.", err)
		return false
	}
	if !current {
		for _, v := range open {
			r.fail(v, "it is due to be dropped, and this run's own login is not in the log yet, so that its logins may not be either", "The next run tries again.")
		}
		drops = shut
	}
	quiet := func(v policy.Verdict) bool { return !active[v.Account.Name] }
	locks, _ = partition(locks, quiet)
	drops, _ = partition(drops, quiet)
	if r.dryRun {
		r.report.Locked, r.report.Deleted = r.closedAll(locks), r.closedAll(drops)
		return true
	}
	r.lockAndDrop(ctx, locks, drops)
	return true
}

// activeNow looks once more, just before acting: sessions that were opened while the log was read, and lines that came since.
func (r *run) activeNow(ctx context.Context, await bool) (active map[string]bool, current bool, err error) {
	active, current, err = r.readAgain(ctx, await)
	if err != nil {
		return nil, false, err
	}
	open, err := r.openNow(ctx)
	for name := range open {
		active[name] = true
	}
	return active, current, err
}

// permitted leaves out, and reports, the roles that the sweep may not change.
func (r *run) permitted(verdicts []policy.Verdict) []policy.Verdict {
	allowed, not := partition(verdicts, func(v policy.Verdict) bool { return v.Account.ByFunction || v.Account.Directly })
	for _, v := range not {
		problem, fix := permit(v.Account, r.found, r.server.Version)
		r.fail(v, "the sweep may not change it: "+problem, fix)
	}
	return allowed
}

func (r *run) fail(v policy.Verdict, problem, fix string) {
	r.report.Failed = append(r.report.Failed, report.Failed{User: v.Account.Name, Error: problem, Fix: fix})
}

func (r *run) countStatuses() {
	c := &r.report.Counts
	for _, status := range r.status {
		c.Tracked++
		switch status {
		case account.Locked:
			c.Locked++
		case account.ReadyToDelete:
			c.ReadyToDelete++
		default:
			c.Active++
		}
	}
}

func users(verdicts []policy.Verdict) []string {
	names := make([]string, len(verdicts))
	for i, v := range verdicts {
		names[i] = v.Account.Name
	}
	return names
}

func partition(verdicts []policy.Verdict, is func(policy.Verdict) bool) (yes, no []policy.Verdict) {
	for _, v := range verdicts {
		if is(v) {
			yes = append(yes, v)
		} else {
			no = append(no, v)
		}
	}
	return yes, no
}
