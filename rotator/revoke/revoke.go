// Package revoke ends whoever holds the credentials of a pair, and gives the pair a credential that they do not know. It acts
// through the master, in an order in which a thief who does what he can meanwhile loses, and may be repeated after a fault at any
// point.
package revoke

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"pgrotator/rotator/master"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/verifier"
)

// statementTimeout is longer than the lock_timeout within a statement.
const statementTimeout = 15 * time.Second

// Options are the operator's choices, those of a rotation.
type Options struct {
	Password  secret.PasswordPolicy
	ValidDays int // PASSWORD_VALID_DAYS; 0 = a password does not expire
}

// Revoke revokes the credentials of secrets' pairs.
type Revoke struct {
	store   *secret.Store
	master  *master.Finder
	rds     *rds.Client
	opener  postgres.Opener
	options Options
}

// New makes a Revoke.
func New(store *secret.Store, finder *master.Finder, databases *rds.Client, opener postgres.Opener, options Options) *Revoke {
	opener.StatementTimeout = statementTimeout
	return &Revoke{store: store, master: finder, rds: databases, opener: opener, options: options}
}

// Report is what revoke answers.
type Report struct {
	Ended []Ended  `json:"ended"`
	Steps []string `json:"steps"` // a sentence for each thing done, and for what is not ended
	// Unseen are the instances, a sentence each, on which the pair's sessions were not ended: a thief may still read there.
	Unseen []string `json:"unseen,omitempty"`
}

// Ended is how many sessions of a user were ended on one instance.
type Ended struct {
	Instance string `json:"instance"` // its identifier; of the writer the secret's host, where RDS tells no instances
	User     string `json:"user"`
	Sessions int    `json:"sessions"`
}

// Run revokes the pair of a secret. Afterwards AWSCURRENT is the other user of the pair with a new password, and the one that it
// named cannot log in until the next rotation; a single user has a new password. An error says what was being done: the pair may be
// locked by then, and running it again goes through all of it from the start.
func (s *Revoke) Run(ctx context.Context, secretID string) (Report, error) {
	r := &run{Revoke: s, secretID: secretID, report: Report{Ended: []Ended{}}}
	if err := r.read(ctx); err != nil {
		return Report{}, err
	}
	if err := r.open(ctx); err != nil {
		return Report{}, err
	}
	defer r.closeSessions(ctx)
	for _, step := range []struct {
		doing string
		act   func(context.Context) error
	}{
		{"storing a new credential", r.prepareOrLock},
		{"locking the pair", r.lock},
		{"ending the pair's sessions", r.endSessions},
		{"writing the secrets of the proxy", r.writeMirrors},
		{"letting the new AWSCURRENT in", r.letIn},
	} {
		if err := step.act(ctx); err != nil {
			return Report{}, fmt.Errorf("%s of secret %s: %w: run revoke again, which begins anew", step.doing, secretID, err)
		}
	}
	r.nameWriter()
	r.tellWhatRemains()
	return r.report, nil
}

// run is one revocation.
type run struct {
	*Revoke
	secretID string
	report   Report

	arn      string
	value    secret.Value
	pair     secret.Pair
	owner    string // setup's owner role, and the schema of its functions; "" = setup has made none
	shared   string // whom both users become; a single user itself
	found    master.Master
	session  *postgres.Session // the master's on the writer
	watch    *postgres.Session // another, which ends who blocks the first
	state    role.PairState
	kind     verifier.Kind // of the verifiers to be made
	mirrors  []secret.Mirror
	shownBy  string // label of the version that has shown a password of the pair; "" = none had to
	token    string // of the new version
	password string // of the new AWSCURRENT

	passwords, verifiers map[string]string // new ones of both users
	next                 string            // who becomes the shared role at login; "" = nobody is changed
	present              []string          // users that there were at the latest lock
	mark                 string            // of the latest lock
	writer               string            // its identifier; "" = RDS has not told
	creators             []string          // who had CREATEROLE
	prepared             []role.Prepared   // what was rolled back

	counting sync.Mutex // several instances are looked at at once
}

func (r *run) tell(format string, args ...any) {
	r.report.Steps = append(r.report.Steps, fmt.Sprintf(format, args...))
}

// tellOnce is tell for what may be done again.
func (r *run) tellOnce(format string, args ...any) {
	if step := fmt.Sprintf(format, args...); !slices.Contains(r.report.Steps, step) {
		r.report.Steps = append(r.report.Steps, step)
	}
}

// read reads AWSCURRENT and finds the master.
func (r *run) read(ctx context.Context) error {
	description, err := r.store.Describe(ctx, r.secretID)
	if err != nil {
		return err
	}
	r.arn = description.ARN
	text, err := r.store.Stage(ctx, r.secretID, secret.Current)
	if err != nil {
		return err
	}
	if r.value, err = secret.Parse(text); err != nil {
		return fmt.Errorf("reading AWSCURRENT of secret %s: %w", r.secretID, err)
	}
	if r.pair, err = r.value.Pair(); err != nil {
		return err
	}
	if err := r.readMirrors(ctx); err != nil {
		return err
	}
	r.found, err = r.master.Of(ctx, r.value)
	return err
}

// readMirrors finds the secrets that an RDS Proxy reads, before anything is changed.
func (r *run) readMirrors(ctx context.Context) error {
	if r.value.Mirrors == nil {
		return nil
	}
	for _, user := range r.users() {
		mirror, err := r.store.ReadMirror(ctx, r.value.Mirrors[user], r.arn, user)
		if err != nil {
			return err
		}
		r.mirrors = append(r.mirrors, mirror)
	}
	return nil
}

// open logs in as the master, twice, and admits the pair.
func (r *run) open(ctx context.Context) (err error) {
	for _, session := range []**postgres.Session{&r.session, &r.watch} {
		err := postgres.Attempt(ctx, func(ctx context.Context) (err error) {
			*session, err = r.opener.Open(ctx, r.found.Server, r.found.Login)
			return err
		})
		if err != nil {
			r.closeSessions(ctx)
			return fmt.Errorf("logging in with %s: %w", r.found.Source, err)
		}
	}
	if err = r.admit(ctx); err != nil {
		r.closeSessions(ctx)
	}
	return err
}

func (r *run) closeSessions(ctx context.Context) {
	for _, session := range []*postgres.Session{r.session, r.watch} {
		if session != nil {
			session.Close(ctx)
		}
	}
}

// tellWhatRemains says what revoke does not end.
func (r *run) tellWhatRemains() {
	if !slices.Contains(r.present, r.pair.User) {
		r.tell("user %q does not exist: if it was renamed, it logs in with its old password under another name: look who is a member of %q", r.pair.User, r.shared)
	}
	for _, creator := range r.creators {
		r.tellOnce("CREATEROLE was taken from %q and is not given back, since it is power over every ordinary role: where the role needs it, %s", creator, script.GiveCreateRole(creator))
	}
	r.tell("not ended: roles that %q made, memberships and passwords that it gave, pg_cron jobs, prepared transactions that were not in the way, objects, functions and grants that it made, settings that %q gave themselves (pg_catalog.pg_db_role_setting), and the thief's own right to read the secret", r.shared, r.users())
}
