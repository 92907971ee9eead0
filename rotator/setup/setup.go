// Package setup makes, once, what rotation and sweep need in a database, through the master user that a secret's masterarn
// leads to. The master secret is not needed again afterwards.
package setup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"pgrotator/rotator/master"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/verifier"
)

// statementTimeout is longer than a rotation's: setup's script is one statement to PostgreSQL's clock.
const statementTimeout = 15 * time.Second

// Setup makes roles, functions and tables.
type Setup struct {
	store       *secret.Store
	master      *master.Finder
	rds         *rds.Client
	opener      postgres.Opener
	stateSchema string
}

// New makes a Setup whose sweep tables live in stateSchema, "" = the owner role's.
func New(store *secret.Store, finder *master.Finder, databases *rds.Client, opener postgres.Opener, stateSchema string) *Setup {
	opener.StatementTimeout = statementTimeout
	return &Setup{store: store, master: finder, rds: databases, opener: opener, stateSchema: stateSchema}
}

// Report is what setup answers.
type Report struct {
	Makes   []string `json:"makes,omitempty"` // whom it was about to make, before it changed anything
	Changed []string `json:"changed"`         // a sentence for each change; empty when all was there
	Left    []string `json:"left,omitempty"`  // a sentence for what was not done, with the reason: a role that the sweep cannot close, a record of another secret
}

// Request is what setup is asked for.
type Request struct {
	SecretID string
	Repair   bool   // give the AWSCURRENT user the secret's password again, as after a restore of a snapshot
	Adopt    bool   // give the shared role what the users own and were granted, before they become it
	For      string // role.ForRotation, role.ForSweep, or "": what the pair has
}

// Run sets up the pair of a secret. It is repeatable and changes only what is missing. A repair is for a pair that an earlier setup
// has recorded.
func (s *Setup) Run(ctx context.Context, r Request) (Report, error) {
	description, err := s.store.Describe(ctx, r.SecretID)
	if err != nil {
		return Report{}, err
	}
	text, err := s.store.Stage(ctx, r.SecretID, secret.Current)
	if err != nil {
		return Report{}, err
	}
	value, err := secret.Parse(text)
	if err != nil {
		return Report{}, fmt.Errorf("reading AWSCURRENT of secret %s: %w", r.SecretID, err)
	}
	pair, err := value.Pair()
	if err != nil {
		return Report{}, err
	}
	if pair.Single() {
		return Report{}, fmt.Errorf("the secret's key usernames names the single user %q, which sets its own password and needs no setup: name two users to have setup make a pair", pair.User)
	}
	if err := s.admitDeployment(ctx, value); err != nil {
		return Report{}, err
	}
	found, err := s.master.Of(ctx, value)
	if err != nil {
		return Report{}, err
	}
	w := work{subject: subject{description.ARN, value, pair}, setup: s, request: r, master: found, report: &Report{Changed: []string{}}}
	if err := w.run(ctx); err != nil {
		return *w.report, err
	}
	mirrors, err := s.makeMirrors(ctx, w.subject)
	w.report.Changed = append(w.report.Changed, mirrors...)
	return *w.report, err
}

// subject is the secret whose pair is set up.
type subject struct {
	arn   string
	value secret.Value
	pair  secret.Pair
}

// login is what logging in with AWSCURRENT has shown.
type login struct {
	loggedIn bool
	became   string // the role that the session was
	refused  error  // why it did not log in
}

// prove logs in with AWSCURRENT. A refused login proves nothing, and is no error yet: the user may not exist, or wait for repair.
func (s *Setup) prove(ctx context.Context, v secret.Value, pair secret.Pair) (login, error) {
	server := postgres.Server{Host: v.Host, Port: v.Port, Database: v.Database, Plaintext: v.Plaintext}
	session, err := s.opener.Open(ctx, server, postgres.Login{User: v.Username, Password: v.Password})
	if postgres.Refused(err) || postgres.NotPermitted(err) {
		return login{refused: err}, nil
	}
	if err != nil {
		return login{}, err
	}
	defer session.Close(ctx)
	state, err := role.ReadState(ctx, session, question(pair, v))
	return login{loggedIn: true, became: state.CurrentUser}, err
}

// question is asked of the partner, as in a rotation.
func question(pair secret.Pair, v secret.Value) role.Pair {
	return role.Pair{User: pair.Partner, Partner: pair.User, Shared: v.Role, Base: pair.Base}
}

// work is what one setup is about.
type work struct {
	subject
	setup   *Setup
	request Request
	master  master.Master
	report  *Report
}

func (w *work) run(ctx context.Context) error {
	if w.request.Adopt {
		if err := w.adopt(ctx); err != nil {
			return err
		}
	}
	before := slices.Clip(w.report.Changed) // a repeated attempt tells anew what it has changed
	err := w.admitted(ctx, func(ctx context.Context, session *postgres.Session, p plan) error {
		made, err := p.verifier()
		if err != nil {
			return err
		}
		if w.report.Makes == nil { // a repeated attempt finds what the first has made
			w.report.Makes = p.found.Missing(w.pair.User, w.pair.Partner, p.shared)
		}
		done, err := role.SetUp(ctx, session, w.roles(p, made))
		w.report.Changed, w.report.Left = append(before, done.Changed...), append(done.Left, p.leftToAnother()...)
		return err
	})
	if err != nil || !w.request.Adopt {
		return err
	}
	return w.complete(ctx)
}

// roles is what the scripts are told.
func (w *work) roles(p plan, verifier string) role.SetupPair {
	return role.SetupPair{User: w.pair.User, Partner: w.pair.Partner, Shared: p.shared, Verifier: verifier,
		For: w.request.For, StateSchema: w.setup.stateSchema, Adopt: w.request.Adopt, Secret: p.secretToRecord()}
}

// admitted acts as the master, once the secret has proven what it says, and again after what proves nothing. The proof belongs to each
// attempt: one that was cut may have made the user that could not log in before it.
func (w *work) admitted(ctx context.Context, act func(context.Context, *postgres.Session, plan) error) error {
	return postgres.Attempt(ctx, func(ctx context.Context) error {
		current, err := w.setup.prove(ctx, w.value, w.pair)
		if err != nil {
			return fmt.Errorf("proving AWSCURRENT of secret %s: %w", w.request.SecretID, err)
		}
		session, err := w.open(ctx, w.master.Server.Database)
		if err != nil {
			return err
		}
		defer session.Close(ctx)
		if err := w.setup.master.Admit(ctx, session, w.master, w.pair); err != nil {
			return err
		}
		plan, err := newPlan(ctx, session, w.subject, current, w.request)
		if err != nil {
			return err
		}
		if err := plan.admit(ctx, w.master.Login.User, session); err != nil {
			return err
		}
		if err := w.setup.admitSecret(ctx, plan, w.master.Server); err != nil {
			return err
		}
		return act(ctx, session, plan)
	})
}

// open logs in to a database as the master.
func (w *work) open(ctx context.Context, database string) (*postgres.Session, error) {
	server := w.master.Server
	server.Database = database
	session, err := w.setup.opener.Open(ctx, server, w.master.Login)
	if err != nil {
		return nil, fmt.Errorf("logging in to database %q with %s: %w", database, w.master.Source, err)
	}
	return session, nil
}

// verifier is that of the secret's password where the AWSCURRENT user is to get it: it is missing, or does not log in with it.
func (p plan) verifier() (string, error) {
	if p.current.loggedIn {
		return "", nil
	}
	made, err := verifier.New(p.state.Verifier, p.pair.User, p.value.Password)
	if err != nil {
		return "", fmt.Errorf("making the verifier of %q: %w", p.pair.User, err)
	}
	return made, nil
}
