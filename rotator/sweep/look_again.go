package sweep

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"

	"pgrotator/rotator/account"
)

// For a role that is to be dropped and could log in until now there is no next run that would undo it, so the log must first have
// come as far as this run's own logins. They are waited for as long as a line may take to arrive, and ownLoginWithin at least.
const (
	ownLoginWithin = time.Minute
	ownLoginPause  = time.Second
	ownLoginLooks  = 120 // at most: the quota of CloudWatch Logs requests is shared with the whole account
)

// readAgain reads what has come since the first reading, before anything is done, and gives the roles that were active. A login
// whose line comes later still is undone by the next run. With await it waits for the lines of this run's own logins on all
// instances, and tells whether they came. Where the operator has said that a line takes no time (lag 0), what is absent did not
// happen, and nothing is waited for.
func (r *run) readAgain(ctx context.Context, await bool) (active map[string]bool, current bool, err error) {
	within := max(r.options.Lag, ownLoginWithin)
	for giveUp := time.Now().Add(within); ; {
		tail := r.events.Again()
		for _, l := range r.lookouts {
			tail.Await(l.instance.Name, l.sighting.Canary)
		}
		if err := r.readTail(ctx, tail); err != nil {
			return nil, false, err
		}
		active = map[string]bool{}
		for _, a := range tail.ActiveRoles() {
			active[a] = true
		}
		current = r.options.Lag == 0 || tail.FoundAll()
		if current || !await || time.Now().After(giveUp) || !timeFor(ctx, 2*stopActing) {
			return active, current, nil
		}
		time.Sleep(max(ownLoginPause, within/ownLoginLooks))
	}
}

// readTail reads from before the run's start until now, and a little beyond: the clock of an instance may be ahead.
func (r *run) readTail(ctx context.Context, tail *evidence.Log) error {
	sink := &firstReading{events: tail}
	from, to := r.evidence.TailFrom(), time.Now().Add(maxSkew).Truncate(time.Second)
	for _, name := range r.liveGroups() {
		group, known := r.groups[name]
		if !known {
			return fmt.Errorf("reading log group %q again: %w", name, logread.ErrNoGroup)
		}
		reader, err := r.reader(ctx, group, from, to)
		if err != nil {
			return err
		}
		if err := reader.Read(ctx, group, from, to, sink); err != nil {
			return err
		}
	}
	tail.End()
	return nil
}

// reader is the one for a stretch of a group.
func (r *run) reader(ctx context.Context, group logread.Group, from, to time.Time) (logread.Reader, error) {
	until := stopReading(ctx)
	expected := r.evidence.Expected(group.Name, to.Sub(from), group.Expected(from, to, to))
	choice, err := logread.Choose(group, expected, r.region(), timeLeft(until))
	if err != nil {
		return nil, err
	}
	return logread.New(choice.Way, r.logs, logread.Options{Region: r.region(), Until: until, Pace: r.pace}), nil
}

func (r *run) liveGroups() []string {
	var groups []string
	for _, i := range r.cluster.Instances {
		if !slices.Contains(groups, i.Group) {
			groups = append(groups, i.Group)
		}
	}
	return groups
}

// openNow lists the roles with a session on any instance.
func (r *run) openNow(ctx context.Context) (map[string]bool, error) {
	open := map[string]bool{}
	for _, l := range r.lookouts {
		if l.session == nil {
			return nil, fmt.Errorf("looking at instance %s: there is no session", l.instance.Name)
		}
		sessions, err := account.OpenSessions(ctx, l.session)
		if err != nil {
			return nil, fmt.Errorf("looking at instance %s: %w", l.instance.Name, err)
		}
		for name := range maps.Keys(sessions) {
			open[name] = true
		}
	}
	return open, nil
}

// PostgreSQL lets a login in that began before the lock was committed, and shows a session a moment after its authentication;
// a reader lets logins in until it has replayed the lock.
const (
	maxSkew        = time.Minute // between the clocks of function and instances
	lookAgainAfter = time.Second
	replayWithin   = time.Minute // where the function's time has no end
	replayPause    = 100 * time.Millisecond
)

// replayUntil is how long the readers may take to replay the locks: as long as time is left to undo them.
func replayUntil(ctx context.Context) time.Time {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.Add(-undoing)
	}
	return time.Now().Add(replayWithin)
}

// lookAgain gives those of the roles, just locked, that slipped in before the lock took hold. Every instance must have replayed
// it by giveUp.
func (r *run) lookAgain(ctx context.Context, locked []string, giveUp time.Time) (map[string]bool, error) {
	time.Sleep(lookAgainAfter)
	if err := r.awaitReplay(ctx, locked, giveUp); err != nil {
		return nil, err
	}
	return r.openNow(ctx)
}

// awaitReplay waits until the roles can log in on no instance any more.
func (r *run) awaitReplay(ctx context.Context, locked []string, giveUp time.Time) error {
	begun := time.Now()
	for _, l := range r.lookouts {
		for {
			if l.session == nil {
				return fmt.Errorf("looking at instance %s: there is no session", l.instance.Name)
			}
			open, err := account.StillOpen(ctx, l.session, locked)
			if err != nil {
				return fmt.Errorf("looking at instance %s: %w", l.instance.Name, err)
			}
			if len(open) == 0 {
				break
			}
			if time.Now().After(giveUp) {
				return fmt.Errorf("instance %s has not replayed the lock of %q after %s: look at its replication lag, or give the function more time",
					l.instance.Name, open[0], time.Since(begun).Round(time.Second))
			}
			time.Sleep(replayPause)
		}
	}
	return nil
}
