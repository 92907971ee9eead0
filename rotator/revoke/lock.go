package revoke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
)

// How long one look waits for the next, and how often the pair is locked anew where it was let in again or another session was first.
const (
	pause     = 200 * time.Millisecond
	quietness = time.Second // between two looks that find nobody: a session is invisible for a moment after it has logged in
	attempts  = 5

	theWriter = "the writer" // until RDS has told its name
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
		if _, err := r.endOnce(ctx, r.watch, theWriter, 0); err != nil { // who was first would be again
			return err
		}
	}
	for _, p := range r.prepared {
		r.tellOnce("rolled back the transaction that %q had prepared as %q in database %q", p.Owner, p.Name, p.Database)
	}
	r.tellOnce("locked %q (NOLOGIN), with new passwords", r.present)
	if r.state.Function {
		r.tellOnce("took EXECUTE on %s.set_other_user from %q", postgres.Quote(r.owner), r.shared)
	}
	return nil
}

// joinAndClose locks those of the pair that there are: up to PostgreSQL 15 a thief with CREATEROLE may have renamed or dropped one.
func (r *run) joinAndClose(ctx context.Context) (err error) {
	if r.present, err = role.Existing(ctx, r.session, r.users()); err != nil {
		return err
	}
	if !slices.Contains(r.present, r.next) {
		r.next = ""
	}
	if err := role.Join(ctx, r.session, r.state, r.joined()...); err != nil {
		return err
	}
	r.mark = newMark()
	creators, err := role.Close(ctx, r.session, r.state, role.Closing{Shared: r.shared, Owner: r.owner, Users: r.present, Next: r.next, Verifiers: r.verifiers, Mark: r.mark})
	if err == nil {
		r.creators = append(r.creators, creators...)
	}
	return err
}

// newMark is a VALID UNTIL that no other lock has: a hundred years from now, to the microsecond. Earlier it could expire.
func newMark() string {
	return time.Now().UTC().AddDate(100, 0, 0).Format("2006-01-02T15:04:05.000000Z07:00")
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
		if _, fault := r.endOnce(ctx, r.watch, theWriter, r.state.Process); fault != nil {
			ending = fmt.Sprintf(" (a session that may be in the way was not ended: %v)", fault)
		}
		if fault := r.rollBackPrepared(ctx); fault != nil {
			ending = fmt.Sprintf(" (in the way is %v)", fault)
		}
	}
}

// rollBackPrepared undoes the prepared transactions that the master waits for: they have no session to be ended, and none ends them.
func (r *run) rollBackPrepared(ctx context.Context) error {
	found, err := role.PreparedBefore(ctx, r.watch, r.state.Process)
	for _, p := range found {
		if err := r.rollBack(ctx, p); err != nil {
			return fmt.Errorf("the transaction that %q prepared as %q in database %q: %w", p.Owner, p.Name, p.Database, err)
		}
		r.prepared = append(r.prepared, p)
	}
	return err
}

func (r *run) rollBack(ctx context.Context, p role.Prepared) error {
	there := r.found.Server
	there.Database = p.Database
	session, err := r.opener.Open(ctx, there, r.found.Login)
	if err != nil {
		return err
	}
	defer session.Close(ctx)
	return p.RollBack(ctx, session)
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
		r.count(Ended{Instance: instance, User: open.User, Sessions: 1})
	}
	return len(found), nil
}

// count adds sessions to those of the same user on the same instance.
func (r *run) count(ended Ended) {
	r.counting.Lock()
	defer r.counting.Unlock()
	at := slices.IndexFunc(r.report.Ended, func(e Ended) bool { return e.Instance == ended.Instance && e.User == ended.User })
	if at < 0 {
		r.report.Ended = append(r.report.Ended, ended)
		return
	}
	r.report.Ended[at].Sessions += ended.Sessions
}

// nameWriter has the report name the writer as RDS does, or as the secret does where RDS tells nothing of it. After a failover it was a
// reader before, and has sessions counted by that name already.
func (r *run) nameWriter() {
	counted := r.report.Ended
	r.report.Ended = []Ended{}
	for _, e := range counted {
		if e.Instance == theWriter {
			e.Instance = cmp.Or(r.writer, r.value.Host)
		}
		r.count(e)
	}
}

// endSessions ends the pair's sessions on every instance, until none can come any more.
func (r *run) endSessions(ctx context.Context) error {
	for range attempts {
		if err := r.endOnWriter(ctx); err != nil {
			return err
		}
		again, err := r.settle(ctx)
		if err != nil {
			return err
		}
		if !again {
			r.tell("ended the sessions of %q on every instance looked at, until two looks found none", r.users())
			return nil
		}
	}
	return r.letInAgain()
}

func (r *run) letInAgain() error {
	return fmt.Errorf("the pair was let in again %d times, by %q or somebody with more rights", attempts, r.shared)
}

// endOnWriter locks the pair anew once it has no session left. Before, each user may set his own password, and a statement that was under
// way may let the pair in again: what may be executed is looked at when a statement begins.
func (r *run) endOnWriter(ctx context.Context) error {
	for range attempts {
		_, open, err := r.endUntilQuiet(ctx, r.watch, theWriter, nil)
		if err != nil {
			return err
		}
		if err := r.lock(ctx); err != nil || !open {
			return err
		}
	}
	return r.letInAgain()
}

// readers lists the cluster's other instances.
func (r *run) readers(ctx context.Context) []cluster.Instance {
	found, err := cluster.Describe(ctx, r.rds, r.value)
	if err != nil {
		r.leaveUnseen(fmt.Sprintf("Only the writer was looked at: %v.", err))
	}
	for _, unreachable := range found.Unreachable {
		r.leaveUnseen(unreachable)
	}
	for _, i := range found.Instances {
		if i.Writer {
			r.writer = i.Name
		}
	}
	return slices.DeleteFunc(found.Instances, func(i cluster.Instance) bool { return i.Writer })
}

func (r *run) leaveUnseen(why string) {
	if slices.Contains(r.report.Unseen, why) {
		return
	}
	r.report.Unseen = append(r.report.Unseen, why)
	r.tell("sessions of the pair were left where they cannot be seen: end them there, or let revoke see it and run it again: %s", why)
}

// settle waits for the logins that were under way, on all instances at once: whoever keeps one waiting on each delays revoke once. It is
// again where the writer has had another session, which may have undone the lock.
func (r *run) settle(ctx context.Context) (again bool, err error) {
	readers := r.readers(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	faults := make([]error, len(readers))
	var working sync.WaitGroup
	for i, reader := range readers {
		working.Go(func() { faults[i] = r.endOnReader(ctx, reader) })
	}
	ended, open, err := r.endUntilQuiet(ctx, r.watch, theWriter, new(awaited))
	if err != nil {
		cancel()
	}
	working.Wait()
	return ended > 0 || open, cmp.Or(err, errors.Join(faults...))
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
	for open := true; open && err == nil; { // until the reader has replayed the lock
		_, open, err = r.endUntilQuiet(ctx, session, instance.Name, new(awaited))
	}
	return err
}

// endUntilQuiet ends sessions on an instance until two looks have found none, and none of the logins that were under way when the pair
// was seen locked there, which may have begun with other passwords (nil = those are not waited for). It gives how many it ended, and
// gives up after a pause where the pair is not locked there.
func (r *run) endUntilQuiet(ctx context.Context, s *postgres.Session, instance string, awaited *awaited) (ended int, open bool, err error) {
	for quiet := 0; quiet < 2; {
		open, err := role.NotLocked(ctx, s, r.users(), r.mark)
		if err != nil {
			return ended, false, err
		}
		found, err := r.endOnce(ctx, s, instance, 0)
		if err != nil {
			return ended, false, err
		}
		ended += found
		logins, err := awaited.look(ctx, s)
		if err != nil {
			return ended, false, err
		}
		wait := quietness
		if quiet++; len(open)+found+len(logins) > 0 {
			quiet, wait = 0, pause
		}
		select {
		case <-ctx.Done():
			return ended, false, fmt.Errorf("waiting for %s to be without sessions of the pair (not locked there: %q; sessions that were told to end: %d; logins under way since it was locked, which the server ends after its authentication_timeout: processes %v): %w", instance, open, found, logins, ctx.Err())
		case <-time.After(wait):
		}
		if len(open) > 0 {
			return ended, true, nil
		}
	}
	return ended, false, nil
}

// awaited are the logins on an instance that were under way at the first look, and are still.
type awaited struct {
	logins []role.LoginUnderWay
	until  time.Time // zero before the first look; what is under way for longer is no login
}

// authenticationMargin is how much later than it says a server that has much to do may end a login.
const authenticationMargin = 2 * time.Second

// look gives the processes of those that are left.
func (a *awaited) look(ctx context.Context, s *postgres.Session) (processes []int, err error) {
	if a == nil {
		return nil, nil
	}
	now, timeout, err := role.LoginsUnderWay(ctx, s)
	switch {
	case err != nil:
		return nil, err
	case a.until.IsZero():
		a.logins, a.until = now, time.Now().Add(timeout+authenticationMargin)
	case time.Now().After(a.until):
		a.logins = nil
	}
	a.logins = slices.DeleteFunc(a.logins, func(l role.LoginUnderWay) bool { return !slices.Contains(now, l) })
	for _, l := range a.logins {
		processes = append(processes, l.Process)
	}
	return processes, nil
}
