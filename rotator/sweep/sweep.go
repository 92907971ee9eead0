// Package sweep finds the roles that nobody uses, by the logins in the instances' logs and the sessions that are open, and locks
// and drops them by the operator's policy.
//
// A role that was active within the interval is never locked or dropped, whatever is missing, late, forged, unreadable or
// misconfigured: in doubt it is left alone, and the report says why.
package sweep

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/secret"
)

// statementTimeout is longer than a rotation's: a cluster may have 100,000 roles.
const statementTimeout = 30 * time.Second

// reserve is what is left of the run's time when reading stops, for judging and acting; a quarter of it where that is less.
const reserve = 60 * time.Second

// Sweep sweeps the databases of secrets.
type Sweep struct {
	store   *secret.Store
	logs    *cloudwatchlogs.Client
	rds     *rds.Client
	notices *sns.Client
	opener  postgres.Opener
	options Options
	pace    time.Duration
	log     *slog.Logger
}

// New makes a Sweep. What is done to a role is also logged, as the copy that the database's owners cannot change.
func New(store *secret.Store, logs *cloudwatchlogs.Client, rdsClient *rds.Client, notices *sns.Client, opener postgres.Opener, options Options, log *slog.Logger) *Sweep {
	opener.StatementTimeout = statementTimeout
	return &Sweep{store: store, logs: logs, rds: rdsClient, notices: notices, opener: opener, options: options, pace: requestInterval, log: log}
}

// Run sweeps the database of a secret. With dryRun it changes no role and no status, and reports what it would do; what it
// learns it remembers all the same. An error means that nothing can be told: the secret is unreadable, the database cannot be
// logged in to, or its tables are another's. Everything else is in the report. Reading stops ahead of ctx's deadline.
func (s *Sweep) Run(ctx context.Context, secretID string, dryRun bool) (Report, error) {
	r := &run{Sweep: s, secretID: secretID, dryRun: dryRun, report: newReport(secretID, dryRun, s.options)}
	defer r.close(ctx)
	if err := r.sweep(ctx); err != nil {
		return Report{}, err
	}
	r.report.FinishedAt = time.Now().UTC().Truncate(time.Millisecond)
	if err := s.notify(ctx, r.report); err != nil {
		s.log.ErrorContext(ctx, "notice not sent", slog.String("secretId", secretID), slog.String("error", err.Error()))
	}
	return r.report, nil
}

// run is one sweep.
type run struct {
	*Sweep
	secretID string
	dryRun   bool
	report   Report

	value    secret.Value
	pair     secret.Pair
	cluster  cluster.Cluster
	writer   *postgres.Session
	server   account.Instance // of the writer
	found    account.Installation
	lookouts []*lookout
	evidence *evidence
	fold     *fold
	sessions map[string]int    // open on all instances, by role
	status   map[string]string // of the roles that the sweep looks after, as they are now
}

func (r *run) sweep(ctx context.Context) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	alone, err := account.Exclusive(ctx, r.writer)
	if err != nil {
		return err
	}
	if !alone {
		r.report.Evidence.Reasons = append(r.report.Evidence.Reasons, "Another sweep of this database is under way.")
		return nil
	}
	// Where this fails, the session's end releases it, a moment later.
	defer func() { _ = account.Release(context.WithoutCancel(ctx), r.writer) }()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := r.read(ctx); err != nil {
		return err
	}
	return r.decide(ctx)
}

// prepare looks at everything but the log, and notes this run's own login before the log is read: logging that stopped is noticed
// by its absence.
func (r *run) prepare(ctx context.Context) (err error) {
	r.found, err = account.ReadInstallation(ctx, r.writer, r.pair.User, r.pair.Partner)
	if err != nil {
		return err
	}
	if err := r.tables(ctx); err != nil {
		return err
	}
	if err := account.SyncRows(ctx, r.writer, r.options.StateSchema); err != nil {
		return err
	}
	r.watchInstances(ctx)
	records, err := account.ReadLogRecords(ctx, r.writer, r.options.StateSchema)
	if err != nil {
		return err
	}
	accounts, err := account.List(ctx, r.writer, r.options.StateSchema, r.found.Functions)
	if err != nil {
		return err
	}
	r.fold = newFold(namesOf(accounts), r.found.Databases, map[string]bool{r.pair.User: true, r.pair.Partner: true})
	r.enroll(ctx, records)
	active := r.evidence.seen(accounts, r.sessions)
	return account.Store(ctx, r.writer, r.options.StateSchema, active, r.evidence.progress(r.fold), nil)
}

// tables makes the tables that are missing and refuses those that are not the sweep's.
func (r *run) tables(ctx context.Context) error {
	owners := []string{r.server.CurrentUser}
	if r.found.Owner != "" {
		owners = append(owners, r.found.Owner)
	}
	missing, err := account.AdmitTables(ctx, r.writer, r.options.StateSchema, owners)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := account.MakeTables(ctx, r.writer, r.options.StateSchema); err != nil {
		return err
	}
	// Somebody else may have made them at the same moment.
	_, err = account.AdmitTables(ctx, r.writer, r.options.StateSchema, owners)
	return err
}

// enroll tells what is to be read.
func (r *run) enroll(ctx context.Context, records []account.LogRecord) {
	r.evidence.enroll(r.cluster.Instances, records)
	for _, l := range r.lookouts {
		if i := r.evidence.named(l.instance.Name); i != nil { // nil = RDS did not tell the instances
			i.sighting = l.sighting
		}
	}
	r.evidence.watch(r.fold)
	for _, group := range r.evidence.groups() {
		retention, err := cluster.Retention(ctx, r.logs, group)
		switch {
		case errors.Is(err, cluster.ErrNoGroup):
			r.evidence.doubt("The log cannot be read: %v.", err)
			r.evidence.groupMissing(group)
		case err != nil:
			r.evidence.doubt("How long the log is kept cannot be told: %v.", err)
		default:
			r.evidence.retain(group, retention)
		}
	}
}

// storeProgress stores what was learnt so far: also in a dry run, since evidence must grow while one only watches.
func (r *run) storeProgress(ctx context.Context) error {
	return account.Store(ctx, r.writer, r.options.StateSchema, r.evidence.active(r.fold), r.evidence.progress(r.fold), nil)
}

// read reads the logs and concludes what they are worth.
func (r *run) read(ctx context.Context) error {
	reading := &reader{client: r.logs, fold: r.fold, until: r.stopReading(ctx), pace: r.pace, store: r.storeProgress, stored: time.Now()}
	to := r.evidence.start.Truncate(time.Second).Add(time.Second)
	for _, group := range r.evidence.groups() {
		err := reading.group(ctx, group, r.evidence.readFrom(group), to)
		if err := r.readEnded(group, err); err != nil {
			return err
		}
	}
	r.fold.end()
	records, forget := r.evidence.conclude(r.fold)
	return account.Store(ctx, r.writer, r.options.StateSchema, r.evidence.active(r.fold), records, forget)
}

// readEnded notes how the reading of a group ended. A fault of the database ends the run.
func (r *run) readEnded(group string, err error) error {
	var statement *postgres.StatementError
	if errors.As(err, &statement) {
		return err
	}
	switch {
	case errors.Is(err, errOutOfTime), errors.Is(err, context.DeadlineExceeded):
		r.evidence.doubt("Reading log group %s took too long: what was read is stored and the next run goes on from there. Sweep more often, or give the function more memory.", group)
	case err != nil:
		r.evidence.doubt("The log cannot be read: %v.", err)
	}
	if err == nil {
		r.evidence.groupRead(group)
	}
	return nil
}

// stopReading is when reading must end; zero = never.
func (r *run) stopReading(ctx context.Context) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Time{}
	}
	return deadline.Add(-min(reserve, time.Until(deadline)/4))
}

func (r *run) close(ctx context.Context) {
	for _, l := range r.lookouts {
		if l.session != nil && l.session != r.writer {
			l.session.Close(ctx)
		}
	}
	if r.writer != nil {
		r.writer.Close(ctx)
	}
}

func namesOf(accounts []account.Account) []string {
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = a.Name
	}
	return names
}
