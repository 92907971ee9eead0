// Package check tells, without changing anything, whether the next rotation and the next sweep of a secret would work, and if
// not, why and what to do.
package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"pgrotator/rotator/account"
	"pgrotator/rotator/master"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/proof"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
)

// Options are the parts of the environment that decide whether a rotation or a sweep works.
type Options struct {
	ValidDays   int
	StateSchema string
	Ignore      []account.Exception // IGNORE_USER_LIST
	LockDays    int                 // LOCK_INTERVAL_DAYS; 0 = never
	DeleteDays  int                 // DELETE_INTERVAL_DAYS; 0 = never
	IAMReview   bool                // IAM_REVIEW
}

// Check looks at one secret and its database.
type Check struct {
	store     *secret.Store
	master    *master.Finder
	rds       *rds.Client
	logs      *cloudwatchlogs.Client
	iamClient *iam.Client
	opener    postgres.Opener
	options   Options
}

// New makes a Check.
func New(store *secret.Store, finder *master.Finder, databases *rds.Client, logs *cloudwatchlogs.Client, iamClient *iam.Client, opener postgres.Opener, options Options) *Check {
	return &Check{store: store, master: finder, rds: databases, logs: logs, iamClient: iamClient, opener: opener, options: options}
}

// Report is what check answers.
type Report struct {
	OK     bool     `json:"ok"` // every check is
	Checks []Result `json:"checks"`

	LastRotated time.Time `json:"-"` // zero = never, or not known
}

// Overdue reports that the check of this name failed: rotations have stopped.
func (r Report) Overdue() bool {
	return slices.ContainsFunc(r.Checks, func(c Result) bool { return c.Name == rotationCheck && !c.OK })
}

// rotationCheck is the name of the check that tells whether rotations go on.
const rotationCheck = "rotation"

// Result is one thing looked at.
type Result struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what was found
	Fix    string `json:"fix"`    // what to do, or ""; what is to be pasted stands below it, a line or more for each statement or command
}

// list collects results.
type list struct {
	results     []Result
	lastRotated time.Time // of the secret
}

func (l *list) pass(name, detail string) {
	l.results = append(l.results, Result{Name: name, OK: true, Detail: detail})
}

// advise passes, and still says what to do.
func (l *list) advise(name, detail, fix string) {
	l.results = append(l.results, Result{Name: name, OK: true, Detail: detail, Fix: fix})
}

func (l *list) fail(name, detail, fix string) {
	l.results = append(l.results, Result{Name: name, Detail: detail, Fix: fix})
}

// refuse fails with a refusal's own cure; otherwise is what to do about any other error, and a refusal that has none.
func (l *list) refuse(name, about string, err error, otherwise string) {
	var refusal *script.Refusal
	if !errors.As(err, &refusal) {
		l.fail(name, about+err.Error(), otherwise)
		return
	}
	if refusal.Cure == "" {
		l.fail(name, about+refusal.Problem, otherwise)
		return
	}
	fix := strings.ToUpper(refusal.Cure[:1]) + refusal.Cure[1:]
	if !strings.HasSuffix(fix, ";") {
		fix += "."
	}
	l.fail(name, about+refusal.Problem, fix)
}

func (l *list) report() Report {
	failed := slices.ContainsFunc(l.results, func(r Result) bool { return !r.OK })
	return Report{OK: !failed, Checks: l.results, LastRotated: l.lastRotated}
}

// mendAndCheck is what to do about an error that says itself what is wrong.
const mendAndCheck = "Mend what the detail names, then check again"

// toPaste is what to do, and below it the statements or commands that do it.
func toPaste[S ~string](what string, lines ...S) string {
	for _, line := range lines {
		what += "\n" + string(line)
	}
	return what
}

// subject is the secret looked at.
type subject struct {
	id          string
	description secret.Description
	value       secret.Value
	pair        secret.Pair
}

func (s subject) server() postgres.Server {
	return postgres.Server{Host: s.value.Host, Port: s.value.Port, Database: s.value.Database, Plaintext: s.value.Plaintext}
}

// Run looks at a secret, for role.ForRotation, role.ForSweep or (purpose "") both. What is wrong is in the report, an unreadable secret too.
func (c *Check) Run(ctx context.Context, secretID, purpose string) Report {
	var l list
	s, ok := c.secret(ctx, &l, secretID)
	if !ok {
		return l.report()
	}
	c.roots(&l, s)
	session, ok := c.login(ctx, &l, s)
	if !ok {
		return l.report()
	}
	defer session.Close(ctx)
	if purpose != role.ForSweep {
		c.rotation(ctx, &l, s, session)
	}
	if purpose != role.ForRotation {
		c.sweep(ctx, &l, s, session)
	}
	return l.report()
}

// secret reads the secret and the pair.
func (c *Check) secret(ctx context.Context, l *list, id string) (subject, bool) {
	s := subject{id: id}
	var err error
	if s.description, err = c.store.Describe(ctx, id); err != nil {
		l.fail("secret", err.Error(), "Name the secret by its ARN, and let the function's role call secretsmanager:DescribeSecret on it.")
		return s, false
	}
	l.lastRotated = s.description.LastRotated
	text, err := c.store.Stage(ctx, id, secret.Current)
	if err == nil {
		s.value, err = secret.Parse(text)
	}
	if err != nil {
		l.fail("secret", err.Error(), "Correct the secret's value where the detail says; rotator/rotation/README.md, \"The secret\", has its keys and what each may be.")
		return s, false
	}
	l.pass("secret", "AWSCURRENT is readable and well formed: user "+s.value.Username+" on "+s.server().Address()+"/"+s.value.Database)
	if s.pair, err = s.value.Pair(); err != nil {
		l.fail("pair", err.Error(), `Name the pair in the secret's key "usernames".`)
		return s, false
	}
	if s.pair.Single() {
		l.advise("pair", fmt.Sprintf("the single user %q: between setSecret and finishSecret new logins with AWSCURRENT fail: 0.3 s of the function's own work, as measured, Secrets Manager's pauses between its steps, and minutes where a step fails and is retried", s.pair.User),
			`Where clients cannot log in again, name two users in "usernames" and run setup.`)
	} else {
		l.pass("pair", s.pair.User+" and "+s.pair.Partner)
	}
	return s, true
}

// missing tells whom setup would make, where AWSCURRENT does not log in and a master is at hand to look: that a login comes to be
// with a password that whoever wrote the secret knows should be known before.
func (c *Check) missing(ctx context.Context, l *list, s subject) {
	found, err := c.master.Of(ctx, s.value)
	if err != nil {
		return // setup would make nobody either
	}
	session, err := c.opener.Open(ctx, found.Server, found.Login)
	if err != nil {
		return
	}
	defer session.Close(ctx)
	state, err := role.ReadState(ctx, session, role.Pair{User: s.pair.Partner, Partner: s.pair.User, Shared: s.value.Role, Base: s.pair.Base})
	if err != nil {
		return
	}
	shared := cmp.Or(state.Shared, s.pair.Base)
	setup, err := role.ReadSetupState(ctx, session, s.pair.User, s.pair.Partner, shared)
	if missing := setup.Missing(s.pair.User, s.pair.Partner, shared); err == nil && len(missing) > 0 {
		l.advise("setup", "setup would make "+strings.Join(missing, "; "), "Know these names before you run setup: whoever may write the secret chose them, and knows the password.")
	}
}

// login logs in as AWSCURRENT: network, TLS and credential in one.
func (c *Check) login(ctx context.Context, l *list, s subject) (*postgres.Session, bool) {
	var session *postgres.Session
	err := postgres.Attempt(ctx, func(ctx context.Context) (err error) {
		session, err = c.opener.Open(ctx, s.server(), postgres.Login{User: s.value.Username, Password: s.value.Password})
		return err
	})
	if err != nil {
		l.fail("current login", err.Error(), c.afterRefusal(ctx, s, err))
		c.missing(ctx, l, s)
		return nil, false
	}
	l.pass("current login", s.value.Username+" logs in with AWSCURRENT")
	if root := session.Root(); root != "" {
		l.pass("tls", "the server's certificate is signed by "+root)
	} else {
		l.advise("tls", `the secret says "ssl": false: everything but the password travels in plaintext`, `Take "ssl" out of the secret if the server speaks TLS.`)
	}
	return session, true
}

// afterRefusal is what to do about an AWSCURRENT that does not log in. Where the version before it does, somebody else than a rotation
// wrote AWSCURRENT, as Terraform does that puts back the value it knows: to set that password in the database would destroy the one
// that clients hold.
func (c *Check) afterRefusal(ctx context.Context, s subject, err error) string {
	if postgres.Unreached(err) {
		return "Let this machine reach the server, or have one that does look: pgrotator invoke FUNCTION check SECRET asks the deployed function. Nothing else can be looked at before AWSCURRENT logs in."
	}
	if !postgres.Refused(err) {
		return mendAndCheck + ": nothing else can be looked at before AWSCURRENT logs in."
	}
	if c.previousLogsIn(ctx, s) {
		return "The version staged AWSPREVIOUS logs in, so AWSCURRENT was written by somebody else than a rotation. Make that one current again, and keep whoever wrote it " +
			toPaste("(Terraform: ignore_changes) from doing so again:", script.MoveCurrentBack(s.id, s.description.VersionOf(secret.Current), s.description.VersionOf(secret.Previous)))
	}
	return `No version of the secret logs in. After the first deployment, run setup; where the database was restored from a snapshot, or the user was dropped, ` +
		`run setup with "repair": true, which sets the password in the database. Then check again.`
}

// previousLogsIn tries AWSPREVIOUS, which clients may still hold.
func (c *Check) previousLogsIn(ctx context.Context, s subject) bool {
	if s.description.VersionOf(secret.Previous) == "" {
		return false
	}
	versions := proof.Versions{Store: c.store, SecretID: s.id, Current: s.value, Pair: s.pair, Server: s.server()}
	return versions.Prove(ctx, c.opener, secret.Previous).LoggedIn()
}
