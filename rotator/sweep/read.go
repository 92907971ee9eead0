package sweep

import (
	"context"
	"errors"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/sweep/evidence"
)

// storeInterval is how often progress is stored while a log is read.
const storeInterval = 10 * time.Second

// firstReading has a log take in what a reader reads, and stores progress now and then.
type firstReading struct {
	events *evidence.Log
	store  func(context.Context) error // nil = nothing is to be stored
	stored time.Time
	to     time.Time // up to where the group at hand is read
}

func (f *firstReading) Event(e logread.Event) { f.events.Event(e) }

func (f *firstReading) Row(r logread.Row) { f.events.Row(r) }

func (f *firstReading) ReadTo(ctx context.Context, to time.Time) error {
	f.events.ReadTo(to)
	f.to = to
	if f.store == nil || time.Since(f.stored) < storeInterval {
		return nil
	}
	f.stored = time.Now()
	return f.store(ctx)
}

// read reads the logs. How far it came is told by the evidence.
func (r *run) read(ctx context.Context) error {
	sink := &firstReading{events: r.events, store: r.storeProgress, stored: time.Now()}
	to := time.Now().Truncate(time.Second).Add(time.Second)
	for _, name := range r.evidence.Groups() {
		group, known := r.groups[name]
		if !known {
			continue // why is told
		}
		from := r.evidence.ReadFrom(name)
		expected := r.evidence.Expected(name, to.Sub(from), group.Expected(from, to, r.evidence.Start))
		sink.to = from
		usage, err := r.readGroup(ctx, group, from, to, expected, sink)
		r.report.Evidence.Bytes += usage.Bytes
		if err := r.readEnded(name, err); err != nil {
			return err
		}
		r.evidence.Measured(name, usage.Bytes, sink.to.Sub(from))
		if err == nil {
			r.evidence.GroupRead(name)
		}
	}
	r.events.End()
	return nil
}

// readGroup reads a group in the way that suits what is expected of it.
func (r *run) readGroup(ctx context.Context, group logread.Group, from, to time.Time, expected int64, sink logread.Sink) (logread.Usage, error) {
	until := stopReading(ctx)
	choice, err := logread.Choose(group, expected, r.region(), timeLeft(until))
	if err != nil {
		return logread.Usage{}, err
	}
	r.chose(choice)
	reader := logread.New(choice.Way, r.logs, logread.Options{Region: r.region(), Until: until, Pace: r.pace})
	err = reader.Read(ctx, group, from, to, sink)
	return reader.Usage(), err
}

func (r *run) region() string { return r.logs.Options().Region }

// readEnded notes how the reading of a group ended. A fault of the database ends the run.
func (r *run) readEnded(group string, err error) error {
	var statement *postgres.StatementError
	switch {
	case err == nil:
	case errors.As(err, &statement):
		return err
	case errors.Is(err, logread.ErrOutOfTime), errors.Is(err, context.DeadlineExceeded):
		r.evidence.Doubt("Reading log group %s took too long: what was read is stored and the next run goes on from there. Sweep more often, or give the function more memory.", group)
	default:
		r.evidence.Doubt("The log cannot be read: %v.", err)
	}
	return nil
}

// storeProgress stores what was learnt so far: also in a dry run, since evidence must grow while one only watches.
func (r *run) storeProgress(ctx context.Context) error {
	return account.Store(ctx, r.writer, r.place, r.remember(r.evidence.Active()), r.evidence.Progress(), nil)
}

// remember keeps what the first reading shows of each role, beside what is stored.
func (r *run) remember(active []account.Activity) []account.Activity {
	for _, a := range active {
		if a.At.After(r.known[a.Role]) {
			r.known[a.Role] = a.At
		}
	}
	return active
}

func isMissing(err error) bool { return errors.Is(err, logread.ErrNoGroup) }
