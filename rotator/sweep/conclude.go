package sweep

import (
	"context"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// conclude judges what the logs are worth, and stores it.
func (r *run) conclude(ctx context.Context) error {
	r.dateStrangers(ctx)
	records, forget := r.evidence.Conclude()
	r.nameCauses(ctx)
	return account.Store(ctx, r.writer, r.place, r.remember(r.evidence.Active()), records, forget)
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
