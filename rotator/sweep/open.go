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
)

// lookout is a session on one instance: its login is the canary, and it sees which other sessions are open there.
type lookout struct {
	instance cluster.Instance
	sighting sighting
	session  *postgres.Session // nil = there is none
}

// open reads the secret, logs in on the writer, and finds and logs in on the readers.
func (r *run) open(ctx context.Context) error {
	canary := newCanary(time.Now())
	var skew time.Duration
	err := postgres.Attempt(ctx, func(ctx context.Context) (err error) {
		skew, err = r.openWriter(ctx, canary)
		return err
	})
	if err != nil {
		return err
	}
	r.evidence = newEvidence(r.server.Clock.UTC(), r.options)
	r.cluster, err = cluster.Describe(ctx, r.rds, r.value)
	if err != nil {
		r.evidence.cannotSee("The instances are not known: %v.", err)
	}
	for _, unreachable := range r.cluster.Unreachable {
		r.evidence.cannotSee("%s", unreachable)
	}
	r.report.cluster = r.cluster.Name
	r.openReaders(ctx, canary, skew)
	return nil
}

// openWriter logs in as AWSCURRENT. A rotation that ended between reading the secret and logging in leaves the credential valid
// as AWSPREVIOUS; two of them do not, so a refused one is read again.
func (r *run) openWriter(ctx context.Context, canary string) (skew time.Duration, err error) {
	for range 2 {
		if err = r.readSecret(ctx); err != nil {
			return 0, err
		}
		var session *postgres.Session
		session, err = r.openerAs(canary).Open(ctx, r.serverAt(r.value.Host, r.value.Port), r.login())
		if postgres.Refused(err) {
			continue
		}
		if err != nil {
			break
		}
		if skew, err = r.admitWriter(ctx, session); err != nil {
			session.Close(ctx)
		}
		return skew, err
	}
	return 0, fmt.Errorf("proving AWSCURRENT of secret %s: %w", r.secretID, err)
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
			l.sighting = sighting{canary: canary, skew: skew, logging: r.server.Logging}
			continue
		}
		opening.Go(func() { r.openReader(ctx, l) })
	}
	opening.Wait()
	if len(r.lookouts) == 0 { // the instances are not known, but the writer's sessions are
		r.lookouts = append(r.lookouts, &lookout{instance: cluster.Instance{Writer: true}, session: r.writer})
	}
}

func (r *run) openReader(ctx context.Context, l *lookout) {
	if l.instance.Host == "" {
		l.sighting.fault = errors.New("it has no endpoint yet")
		return
	}
	canary := newCanary(time.Now())
	var skew time.Duration
	var state account.Instance
	l.sighting.fault = postgres.Attempt(ctx, func(ctx context.Context) error {
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
	if l.sighting.fault == nil {
		l.sighting = sighting{canary: canary, skew: skew, logging: state.Logging}
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
			r.evidence.cannotSee("The sessions of instance %s cannot be looked at: %v.", l.instance.Name, err)
			continue
		}
		for name, count := range open {
			r.sessions[name] += count
		}
	}
}
