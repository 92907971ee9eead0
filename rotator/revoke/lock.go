package revoke

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
)

// How long one look waits for the next, and how often the pair is locked anew where it was let in again or another session was first.
const (
	pause     = 200 * time.Millisecond
	quietness = time.Second // between two looks that find nobody: a session is invisible for a moment after it has logged in
	attempts  = 5
)

// lock takes from the pair whatever lets it log in or set itself, in one transaction. Whoever holds a lock that it needs is ended,
// and so are the pair's sessions meanwhile.
func (r *run) lock(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		locked := make(chan error, 1)
		go func() { locked <- r.joinAndClose(ctx) }()
		ending, err := r.endBlockers(ctx, locked)
		if err == nil {
			break
		}
		if attempt == attempts || !postgres.Transient(err) {
			return fmt.Errorf("%w%s", err, ending)
		}
	}
	r.tellOnce("locked %q (NOLOGIN), with new passwords", r.users())
	if r.state.Function {
		r.tellOnce("took EXECUTE on %s.set_other_user from %q", postgres.Quote(r.owner), r.shared)
	}
	return nil
}

func (r *run) joinAndClose(ctx context.Context) error {
	if err := role.Join(ctx, r.session, r.state, r.joined()...); err != nil {
		return err
	}
	return role.Close(ctx, r.session, r.state, r.shared, r.owner, r.users(), r.verifiers, r.validUntil())
}

// endBlockers ends the pair's sessions and whoever blocks the master's, until that is through. ending tells of a session that could
// not be ended.
func (r *run) endBlockers(ctx context.Context, locked <-chan error) (ending string, err error) {
	for {
		select {
		case err := <-locked:
			return ending, err
		case <-time.After(pause):
		}
		if _, fault := r.endOnce(ctx, r.watch, "the writer", r.state.Process); fault != nil {
			ending = fmt.Sprintf(" (a session that may be in the way was not ended: %v)", fault)
		}
	}
}

// endOnce ends the sessions of the pair on one instance, and those that block process (0 = none). It gives how many it found.
func (r *run) endOnce(ctx context.Context, s *postgres.Session, instance string, process int) (int, error) {
	found, err := role.SessionsOf(ctx, s, r.users(), process)
	if err != nil {
		return 0, err
	}
	for _, open := range found {
		if err := role.EndSession(ctx, s, open.Process); err != nil {
			return 0, fmt.Errorf("ending the session of %q (process %d) on %s: %w", open.User, open.Process, instance, err)
		}
		r.count(instance, open.User)
	}
	return len(found), nil
}

func (r *run) count(instance, user string) {
	at := slices.IndexFunc(r.report.Ended, func(e Ended) bool { return e.Instance == instance && e.User == user })
	if at < 0 {
		at = len(r.report.Ended)
		r.report.Ended = append(r.report.Ended, Ended{Instance: instance, User: user})
	}
	r.report.Ended[at].Sessions++
}

// endSessions ends the pair's sessions on every instance, each once it has learnt that the pair is locked.
func (r *run) endSessions(ctx context.Context) error {
	if err := r.endOnWriter(ctx); err != nil {
		return err
	}
	found, err := cluster.Describe(ctx, r.rds, r.value)
	if err != nil {
		r.leaveUnseen("Only the writer was looked at: %v.", err)
	}
	for _, unreachable := range found.Unreachable {
		r.leaveUnseen("%s", unreachable)
	}
	for _, instance := range found.Instances {
		if instance.Writer {
			continue
		}
		if err := r.endOnReader(ctx, instance); err != nil {
			return err
		}
	}
	r.tell("ended the sessions of %q on every instance looked at, until two looks found none", r.users())
	return nil
}

func (r *run) leaveUnseen(format string, args ...any) {
	unseen := fmt.Sprintf(format, args...)
	r.report.Unseen = append(r.report.Unseen, unseen)
	r.tell("sessions of the pair were left where they cannot be seen. End them there, or let revoke see it and run it again: %s", unseen)
}

// endOnWriter locks the pair anew where a statement that was under way has let it in again: what may be executed is looked at when a
// statement begins.
func (r *run) endOnWriter(ctx context.Context) error {
	for range attempts {
		open, err := account.StillOpen(ctx, r.watch, r.users())
		if err != nil {
			return err
		}
		if len(open) > 0 {
			if err := r.lock(ctx); err != nil {
				return err
			}
		}
		if again, err := r.endUntilQuiet(ctx, r.watch, "the writer"); !again {
			return err
		}
	}
	return fmt.Errorf("the pair was let in again %d times, by %q or somebody with more rights", attempts, r.shared)
}

func (r *run) endOnReader(ctx context.Context, instance cluster.Instance) error {
	there := r.master.On(r.found, instance.Host, instance.Port)
	var session *postgres.Session
	err := postgres.Attempt(ctx, func(ctx context.Context) (err error) {
		session, err = r.opener.Open(ctx, there.Server, there.Login)
		return err
	})
	if err != nil {
		return fmt.Errorf("logging in as the master to instance %s: %w", instance.Name, err)
	}
	defer session.Close(ctx)
	for again := true; again && err == nil; { // until the reader has replayed the lock
		again, err = r.endUntilQuiet(ctx, session, "instance "+instance.Name)
	}
	return err
}

// endUntilQuiet ends sessions on an instance until two looks have found none, and none of the logins that were under way when the pair
// was seen locked there: those may have begun with its old passwords. It is again, after a pause, where the pair may log in there.
func (r *run) endUntilQuiet(ctx context.Context, s *postgres.Session, instance string) (again bool, err error) {
	awaited := new(awaited)
	for quiet := 0; quiet < 2; {
		open, err := account.StillOpen(ctx, s, r.users())
		if err != nil {
			return false, err
		}
		ended, err := r.endOnce(ctx, s, instance, 0)
		if err != nil {
			return false, err
		}
		if err := awaited.look(ctx, s); err != nil {
			return false, err
		}
		wait := quietness
		if quiet++; len(open)+ended+len(awaited.logins) > 0 {
			quiet, wait = 0, pause
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("waiting for %s to be without sessions of the pair (not NOLOGIN there: %q; logins under way since it was locked, which the server ends after its authentication_timeout: processes %v): %w", instance, open, awaited.processes(), ctx.Err())
		case <-time.After(wait):
		}
		if len(open) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// awaited are the logins on an instance that were under way at the first look, and are still.
type awaited struct {
	logins []role.LoginUnderWay
	until  time.Time // zero before the first look; what is under way for longer is no login
}

// authenticationMargin is how much later than it says a server that has much to do may end a login.
const authenticationMargin = 2 * time.Second

func (a *awaited) look(ctx context.Context, s *postgres.Session) error {
	now, timeout, err := role.LoginsUnderWay(ctx, s)
	switch {
	case err != nil:
		return err
	case a.until.IsZero():
		a.logins, a.until = now, time.Now().Add(timeout+authenticationMargin)
	case time.Now().After(a.until):
		a.logins = nil
	}
	a.logins = slices.DeleteFunc(a.logins, func(l role.LoginUnderWay) bool { return !slices.Contains(now, l) })
	return nil
}

func (a *awaited) processes() (all []int) {
	for _, l := range a.logins {
		all = append(all, l.Process)
	}
	return all
}
