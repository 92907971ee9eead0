// Package sweep finds the roles that nobody uses, by what the instances' logs show of them and the sessions that are open, and locks
// and drops them by the operator's policy.
//
// A role that was active within the interval is never locked or dropped, whatever is missing, late, forged, unreadable or
// misconfigured: in doubt it is left alone, and the report says why.
//
// A run connects, prepares (what earlier runs knew), reads the logs, confirms what it read by a second reading with a judgement of
// its own, judges every role, acts, and reports.
package sweep

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"pgrotator/rotator/access"
	"pgrotator/rotator/account"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/publish"
	"pgrotator/rotator/report"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/sweep/evidence"
)

// statementTimeout is longer than a rotation's: a cluster may have 100,000 roles.
const statementTimeout = 30 * time.Second

// reserve is what is left of the run's time when reading stops, for judging and acting; a quarter of it where that is less.
const reserve = 60 * time.Second

// garbage is how much of what a sweep keeps in memory may be added to it before it is collected, in percent. Pages of events are
// large and soon done with: with Go's 100 a sweep takes a fifth more memory, and a fifth less time of the processor.
const garbage = 50

// Sweep sweeps the databases of secrets.
type Sweep struct {
	store      *secret.Store
	logs       *cloudwatchlogs.Client
	rds        *rds.Client
	iamClient  *iam.Client
	channels   Channels
	opener     postgres.Opener
	options    Options
	pace       logread.Pace  // zero = the Region's
	wholeTakes time.Duration // zero = as the constant has it
	log        *slog.Logger
}

// Channels are the ways by which a sweep tells people what it did.
type Channels struct {
	Notices *publish.Topic       // NOTICE_TOPIC_ARN; nil = none
	Reports *publish.Bucket      // REPORT_BUCKET; nil = none
	Hub     *publish.SecurityHub // SECURITY_HUB_FINDINGS; nil = none
}

// New makes a Sweep. What is done to a role is also logged, as the copy that the database's owners cannot change.
func New(store *secret.Store, logs *cloudwatchlogs.Client, rdsClient *rds.Client, iamClient *iam.Client, channels Channels, opener postgres.Opener, options Options, log *slog.Logger) *Sweep {
	opener.StatementTimeout = statementTimeout
	return &Sweep{store: store, logs: logs, rds: rdsClient, iamClient: iamClient, channels: channels, opener: opener, options: options, log: log}
}

// Run sweeps the database of a secret, tells by NOTICE_TOPIC_ARN what it did, tells Security Hub what it found, and writes what an auditor
// looks at into REPORT_BUCKET. With dryRun it changes no role and no status, and reports what it would do; what it learns it remembers all
// the same. An error means that nothing can be told: the secret is
// unreadable, the database cannot be logged in to, or its tables are another's. Everything else is in the report. Reading stops ahead
// of ctx's deadline.
func (s *Sweep) Run(ctx context.Context, secretID string, dryRun bool) (report.Report, error) {
	return s.run(ctx, secretID, dryRun, (*run).tell)
}

// RunInFleet is Run without a notice: one digest tells of all databases of the fleet.
func (s *Sweep) RunInFleet(ctx context.Context, secretID string, dryRun bool) (report.Report, error) {
	return s.run(ctx, secretID, dryRun, func(*run, context.Context) {})
}

func (s *Sweep) run(ctx context.Context, secretID string, dryRun bool, tell func(*run, context.Context)) (report.Report, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(garbage))
	r := &run{Sweep: s, options: s.options, secretID: secretID, dryRun: dryRun, report: newReport(secretID, dryRun, s.options)}
	defer r.close(ctx)
	if err := r.sweep(ctx); err != nil {
		return report.Report{}, err
	}
	r.importFindings(ctx)
	r.keep(ctx)
	tell(r, ctx)
	return r.report, nil
}

// run is one sweep.
type run struct {
	*Sweep
	connection
	options  Options // the operator's, made gentler by the secret's tags
	terms    terms
	secretID string
	dryRun   bool
	report   report.Report
	alone    bool // it holds the sweep's lock

	guard      *postgres.Session // holds the sweep's lock
	place      account.Tables    // where the tables are
	found      account.Installation
	sessions   map[string]int // open on all instances, by role
	evidence   *evidence.Evidence
	events     *evidence.Log
	groups     map[string]logread.Group
	known      map[string]time.Time // latest activity of each role before the second reading
	spared     []evidence.Spared
	uncovered  int                        // roles that are due, and that the second reading does not cover
	status     map[string]string          // of the roles that the sweep looks after, as they are now
	judged     []judged                   // every account, where lists of them are to be written; nil = they were not read
	holdings   map[int64]account.Holdings // by oid; nil = not read
	identities chan identities            // nil = IAM is not asked
	access     access.Review
}

func (r *run) sweep(ctx context.Context) error {
	r.readTerms(ctx)
	if err := r.connect(ctx); err != nil {
		return err
	}
	alone, err := r.begin(ctx)
	if err != nil || !alone {
		return err
	}
	r.alone = true
	r.beginReview(ctx)
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := r.read(ctx); err != nil {
		return err
	}
	if err := r.confirm(ctx); err != nil {
		return err
	}
	if err := r.conclude(ctx); err != nil {
		return err
	}
	return r.decide(ctx)
}

// begin finds the tables and takes the sweep's lock. It is false, and the report says why, where another sweep holds it.
func (r *run) begin(ctx context.Context) (alone bool, err error) {
	r.found, err = account.ReadInstallation(ctx, r.writer, r.pair.User, r.pair.Partner)
	if err != nil {
		return false, err
	}
	r.found.Master = r.cluster.MasterUser
	if err := r.tables(ctx); err != nil {
		return false, err
	}
	holder, err := r.takeLock(ctx)
	if err != nil {
		return false, err
	}
	if holder != "" {
		r.report.Evidence.Reasons = append(r.report.Evidence.Reasons, "Another sweep of this database is under way: "+holder+".")
	}
	return holder == "", nil
}

// prepare looks at everything but the log, and notes this run's own logins before the log is read: logging that stopped is noticed
// by their absence.
func (r *run) prepare(ctx context.Context) error {
	if err := account.SyncRows(ctx, r.writer, r.place); err != nil {
		return err
	}
	r.watchInstances(ctx)
	records, err := account.ReadLogRecords(ctx, r.writer, r.place.Schema)
	if err != nil {
		return err
	}
	accounts, err := account.List(ctx, r.writer, r.place.Schema, r.found)
	if err != nil {
		return err
	}
	// A role whose name the log cannot carry is left alone, and its name may be none that a parameter can hold.
	accounts = slices.DeleteFunc(accounts, func(a account.Account) bool { return a.Unlogged != "" })
	r.known = map[string]time.Time{}
	for _, a := range accounts {
		r.known[a.Name] = a.LastLogin
	}
	r.doubtDatabases()
	r.events = evidence.NewLog(r.evidence.Start, r.names(accounts))
	r.enroll(ctx, records)
	active := r.remember(r.evidence.Seen(accounts, r.sessions))
	return account.Store(ctx, r.writer, r.place, active, r.evidence.Progress(), nil)
}

// names are whom and what the log is read for.
func (r *run) names(accounts []account.Account) evidence.Names {
	n := evidence.Names{Locked: map[string]time.Time{}, Doubted: map[string]bool{}, Locks: map[string]account.LockRecord{}, Own: map[string]bool{r.pair.User: true, r.pair.Partner: true}, Stack: r.options.stack(r.value.Database)}
	for _, a := range accounts {
		n.Roles = append(n.Roles, a.Name)
		if !a.LockedAt.IsZero() && !a.CanLogin {
			n.Locked[a.Name], n.Doubted[a.Name], n.Locks[a.Name] = a.LockedAt, a.LockDoubted(), a.Lock
		}
	}
	for _, d := range r.found.Databases {
		if d.Unlogged == "" {
			n.Databases = append(n.Databases, d.Name)
		}
	}
	return n
}

// doubtDatabases doubts a log that cannot carry the name of a database to which people may log in.
func (r *run) doubtDatabases() {
	for _, d := range r.found.Databases {
		if d.Unlogged != "" && d.AllowsConnections {
			r.evidence.Doubt("Logins to database %q, owned by %q, cannot be told from the log: %s. %s", d.Name, d.Owner, d.Unlogged, d.Rename())
		}
	}
}

// enroll tells what is to be read.
func (r *run) enroll(ctx context.Context, records []account.LogRecord) {
	r.evidence.Enroll(r.cluster.Instances, records)
	for _, l := range r.lookouts {
		if i := r.evidence.Named(l.instance.Name); i != nil {
			i.See(l.sighting)
		} else { // RDS did not tell the instances
			r.evidence.SeeUntold(l.sighting)
		}
	}
	r.evidence.Watch(r.events)
	r.describeGroups(ctx)
}

func (r *run) close(ctx context.Context) {
	for _, l := range r.lookouts {
		if l.session != nil && l.session != r.writer {
			l.session.Close(ctx)
		}
	}
	for _, session := range []*postgres.Session{r.guard, r.writer} {
		if session != nil {
			session.Close(ctx)
		}
	}
}

// timeLeft is how long reading may still go on; an hour where the run's time has no end.
func timeLeft(until time.Time) time.Duration {
	if until.IsZero() {
		return time.Hour
	}
	return time.Until(until)
}

// stopReading is when reading must end; zero = never.
func stopReading(ctx context.Context) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Time{}
	}
	return deadline.Add(-min(reserve, time.Until(deadline)/4))
}

// describeGroups asks for the log groups, and takes account of how long they keep their events.
func (r *run) describeGroups(ctx context.Context) {
	r.groups = map[string]logread.Group{}
	for _, name := range r.evidence.Groups() {
		r.describeGroup(ctx, name)
	}
}

func (r *run) describeGroup(ctx context.Context, name string) {
	group, err := logread.Describe(ctx, r.logs, name)
	switch {
	case isMissing(err):
		r.evidence.Doubt("The log cannot be read: %v.", err)
		r.evidence.GroupMissing(name)
	case err != nil:
		r.evidence.Doubt("How long the log is kept cannot be told: %v.", err)
	default:
		r.groups[name] = group
		r.evidence.GroupMade(name, group.Created)
		r.evidence.Retain(name, group.Retention)
	}
}
