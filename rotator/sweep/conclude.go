package sweep

import (
	"context"
	"errors"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// conclude judges what the logs are worth, and stores it.
func (r *run) conclude(ctx context.Context) error {
	r.dateStrangers(ctx)
	r.recount(ctx)
	records, forget := r.evidence.Conclude()
	r.nameCauses(ctx)
	return account.Store(ctx, r.writer, r.place, r.remember(r.evidence.Active()), records, forget)
}

// recount reads again, in rows, what rows have left open. What cannot be read stays open, and waits.
func (r *run) recount(ctx context.Context) {
	for _, c := range r.evidence.Recounts() {
		group, known := r.groups[c.Group]
		if !known {
			continue
		}
		expected := r.evidence.Expected(c.Group, c.To.Sub(c.From), group.Expected(c.From, c.To, r.evidence.Start))
		rows, bytes, err := r.rowsOf(ctx, group, c.Stretch, expected)
		r.report.Evidence.Bytes += bytes
		if err != nil {
			r.evidence.Note("The log of group %s from %s to %s could not be counted: %v.", c.Group, c.From.Format(time.RFC3339), c.To.Format(time.RFC3339), err)
			return
		}
		c.Take(rows)
	}
}

func (r *run) rowsOf(ctx context.Context, group logread.Group, s evidence.Stretch, expected int64) ([]logread.Row, int64, error) {
	reader, err := r.secondReader(ctx, group, expected)
	if err != nil {
		return nil, 0, err
	}
	rows, err := reader.read(ctx, group, s)
	if fault := r.evidence.Contradicts(group.Name, s, rows); err == nil && fault != "" {
		err = errors.New(fault)
	}
	return rows, reader.bytes(), err
}

// dateStrangers asks when the streams of unknown instances were made. Where nobody tells, their first event counts.
func (r *run) dateStrangers(ctx context.Context) {
	strangers := r.evidence.Strangers()
	for name := range r.groups {
		if len(strangers) == 0 {
			return
		}
		made, err := logread.Streams(ctx, r.logs, name)
		if err != nil {
			continue
		}
		for _, stream := range strangers {
			if at, known := made[stream]; known {
				r.evidence.StreamMade(stream, at)
			}
		}
	}
}

// nameCauses asks RDS what happened to the instances whose logs have gaps. It may not be permitted, and explains only.
func (r *run) nameCauses(ctx context.Context) {
	if len(r.evidence.Gaps) == 0 {
		return
	}
	happened, err := cluster.Happened(ctx, r.rds, r.cluster)
	if err != nil {
		return
	}
	for _, h := range happened {
		r.evidence.Cause(h.Instance, h.At, h.Message)
	}
}

// markCommit logs in once more under a name that says which run has committed: a log that shows a later run than the tables know
// tells that the tables were restored.
func (r *run) markCommit(ctx context.Context) {
	number := r.evidence.Number()
	if err := account.Store(ctx, r.writer, r.place, nil, r.evidence.Records(), nil); err != nil {
		r.evidence.Note("The number of this run could not be stored: %v.", err)
		return
	}
	session, err := r.openHere(ctx, evidence.StoredName(r.options.stack(r.value.Database), number))
	if err != nil {
		r.evidence.Note("The login that marks this run could not be made: %v.", err)
		return
	}
	session.Close(ctx)
}
