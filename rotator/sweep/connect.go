package sweep

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/sweep/evidence"
)

// connection is the database of a secret, with a session on each of its instances.
type connection struct {
	value    secret.Value
	pair     secret.Pair
	cluster  cluster.Cluster
	writer   *postgres.Session
	server   account.Instance // of the writer
	lookouts []*lookout
}

// lookout is a session on one instance: its login is the canary, and it sees which other sessions are open there.
type lookout struct {
	instance cluster.Instance
	sighting evidence.Sighting
	session  *postgres.Session // nil = there is none
}

// connect reads the secret, logs in on the writer, and finds and logs in on the readers.
func (r *run) connect(ctx context.Context) error {
	canary := evidence.NewCanary(time.Now())
	var skew time.Duration
	err := postgres.Attempt(ctx, func(ctx context.Context) (err error) {
		skew, err = r.openWriter(ctx, canary)
		return err
	})
	if err != nil {
		return err
	}
	r.evidence = evidence.New(r.server.Clock, evidence.Options{Lag: r.options.Lag, Longest: r.options.longest(), Interval: r.options.interval(),
		Stack: r.options.stack(r.value.Database)})
	r.doubtTags()
	r.describe(ctx)
	r.openReaders(ctx, canary, skew)
	return nil
}

// describe asks RDS which instances there are.
func (r *run) describe(ctx context.Context) {
	found, err := cluster.Describe(ctx, r.rds, r.value)
	r.cluster, r.report.Cluster = found, found.Name
	for _, unreachable := range found.Unreachable {
		r.evidence.CannotSee("%s", unreachable)
	}
	switch {
	case err != nil:
		r.evidence.CannotSee("The instances are not known: %v.", err)
	case len(found.Instances) == 0 && len(found.Unreachable) == 0:
		r.evidence.CannotSee("RDS tells of no instance of %s: without them nobody can tell where roles are active.", found.Name)
	}
}

// openWriter logs in as AWSCURRENT. A rotation that ended between reading the secret and logging in leaves the credential valid
// as AWSPREVIOUS; two of them do not, so a refused one is read again.
func (r *run) openWriter(ctx context.Context, canary string) (skew time.Duration, err error) {
	for range 2 {
		if err = r.readSecret(ctx); err != nil {
			return 0, err
		}
		var session, guard *postgres.Session
		session, err = r.openHere(ctx, canary)
		if err == nil {
			// In a moment with the other: later a rotation may have replaced the password.
			if guard, err = r.openHere(ctx, lockName); err != nil {
				session.Close(ctx)
			}
		}
		if postgres.Refused(err) {
			continue
		}
		if err != nil {
			break
		}
		if skew, err = r.admitWriter(ctx, session); err != nil {
			session.Close(ctx)
			guard.Close(ctx)
			return 0, err
		}
		r.guard = guard
		return skew, nil
	}
	return 0, fmt.Errorf("proving AWSCURRENT of secret %s: %w", r.secretID, err)
}

// lockName is the application_name of the session that holds the sweep's lock.
const lockName = "pgrotator-lock"

// openHere logs in at the secret's own host.
func (r *run) openHere(ctx context.Context, name string) (*postgres.Session, error) {
	return r.openerAs(name).Open(ctx, r.serverAt(r.value.Host, r.value.Port), r.login())
}

func (r *run) readSecret(ctx context.Context) error {
	text, err := r.store.Stage(ctx, r.secretID, secret.Current)
	if err != nil {
		return err
	}
	if r.value, err = secret.Parse(text); err != nil {
		return fmt.Errorf("reading AWSCURRENT of secret %s: %w", r.secretID, err)
	}
	r.pair, err = r.value.Pair()
	return err
}

func (r *run) admitWriter(ctx context.Context, session *postgres.Session) (skew time.Duration, err error) {
	state, skew, err := observe(ctx, session)
	if err != nil {
		return 0, err
	}
	if state.Standby {
		return 0, fmt.Errorf("the secret's host %s is a reader (in recovery), where no role can be changed: use the cluster's writer endpoint as host", r.value.Host)
	}
	r.writer, r.server = session, state
	return skew, nil
}

// observe asks an instance about itself and by how much its clock is ahead of the function's.
func observe(ctx context.Context, session *postgres.Session) (account.Instance, time.Duration, error) {
	asked := time.Now()
	state, err := account.ReadInstance(ctx, session)
	answered := time.Now()
	return state, state.Clock.Sub(asked.Add(answered.Sub(asked) / 2)), err
}

// openReaders logs in on every reader at once. One that cannot be reached is left in doubt.
func (r *run) openReaders(ctx context.Context, canary string, skew time.Duration) {
	var opening sync.WaitGroup
	for _, instance := range r.cluster.Instances {
		l := &lookout{instance: instance}
		r.lookouts = append(r.lookouts, l)
		if instance.Writer {
			l.session = r.writer
			l.sighting = sightingOf(canary, r.server, skew)
			continue
		}
		opening.Go(func() { r.openReader(ctx, l) })
	}
	opening.Wait()
	if len(r.lookouts) == 0 { // the instances are not known, but the writer's sessions are
		r.lookouts = append(r.lookouts, &lookout{instance: cluster.Instance{Writer: true}, session: r.writer, sighting: sightingOf(canary, r.server, skew)})
	}
}

func sightingOf(canary string, state account.Instance, skew time.Duration) evidence.Sighting {
	return evidence.Sighting{Canary: canary, Skew: skew, Logging: state.Logging,
		Look: evidence.Look{At: state.Clock, Started: state.Started, Loaded: state.Loaded, Sessions: state.Sessions}}
}

func (r *run) openReader(ctx context.Context, l *lookout) {
	if l.instance.Host == "" {
		l.sighting.Fault = errors.New("it has no endpoint yet")
		return
	}
	canary := evidence.NewCanary(time.Now())
	var skew time.Duration
	var state account.Instance
	l.sighting.Fault = postgres.Attempt(ctx, func(ctx context.Context) error {
		session, err := r.openerAs(canary).Open(ctx, r.serverAt(l.instance.Host, l.instance.Port), r.login())
		if err != nil {
			return err
		}
		if state, skew, err = observe(ctx, session); err != nil {
			session.Close(ctx)
			return err
		}
		l.session = session
		return nil
	})
	if l.sighting.Fault == nil {
		l.sighting = sightingOf(canary, state, skew)
	}
}

func (r *run) openerAs(applicationName string) postgres.Opener {
	opener := r.opener
	opener.ApplicationName = applicationName
	return opener
}

func (r *run) serverAt(host string, port uint16) postgres.Server {
	return postgres.Server{Host: host, Port: port, Database: r.value.Database, Plaintext: r.value.Plaintext}
}

func (r *run) login() postgres.Login {
	return postgres.Login{User: r.value.Username, Password: r.value.Password}
}

// watchInstances counts the sessions that are open now on all instances. One that does not answer is left in doubt.
func (r *run) watchInstances(ctx context.Context) {
	r.sessions = map[string]int{}
	for _, l := range r.lookouts {
		if l.session == nil {
			continue
		}
		open, err := account.OpenSessions(ctx, l.session)
		if err != nil {
			r.evidence.CannotSee("The sessions of instance %s cannot be looked at: %v.", l.instance.Name, err)
			continue
		}
		for name, count := range open {
			r.sessions[name] += count
		}
	}
}
