package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/report"
)

// importTime bounds what Security Hub may take of a run: a function that has no way there must not wait for each call.
const importTime = 30 * time.Second

// importFindings tells Security Hub what is so, and what is settled of what it was told before. What cannot be told is in the report, and
// stops nothing. A run that found another under way tells nothing: that one does.
func (r *run) importFindings(ctx context.Context) {
	if r.channels.Hub == nil || !r.alone {
		return
	}
	origin, err := r.origin(ctx)
	if err != nil {
		r.notImported("No finding was imported into Security Hub: %v.", err)
		return
	}
	before, err := account.ReadNote[[]report.Finding](ctx, r.writer, r.place.Schema, account.ToldToHub)
	if err != nil {
		r.notImported("No finding was imported into Security Hub, since what it was told before cannot be read: %v.", err)
		return
	}
	tell, after, left := r.report.Findings(report.Remembered(before, r.report.StartedAt), r.access.Whole)
	if left > 0 {
		r.notImported("%d findings more than a sweep tells Security Hub are left out: the report has them all.", left)
	}
	after = append(after, r.tellHub(ctx, origin, tell)...)
	if err := account.RecordNote(ctx, r.writer, r.place.Schema, account.ToldToHub, after); err != nil {
		r.notImported("What Security Hub was told cannot be noted, and will not be archived there when it is settled: %v.", err)
	}
}

// tellHub imports findings, and returns those that the next run must know: what is so, and what is settled and could not be told.
func (r *run) tellHub(ctx context.Context, origin report.Origin, tell []report.Finding) (after []report.Finding) {
	ctx, cancel := context.WithTimeout(ctx, importTime)
	defer cancel()
	var texts [][]byte
	for _, f := range tell {
		texts = append(texts, f.ASFF(origin))
	}
	refused, done, err := r.channels.Hub.Import(ctx, texts)
	if err != nil {
		r.notImported("%d of %d findings were not imported: %v.", len(tell)-done, len(tell), err)
	}
	one := ""
	for n, f := range tell {
		why, no := refused[f.ID(origin)]
		if no {
			one = f.ID(origin) + ", " + why
		}
		if !f.Settled || no || n >= done {
			after = append(after, f)
		}
	}
	if one != "" {
		r.notImported("%d findings were refused, such as %s.", len(refused), one)
	}
	return after
}

// origin is where this run's findings come from.
func (r *run) origin(ctx context.Context) (report.Origin, error) {
	if r.cluster.ARN == "" {
		return report.Origin{}, errors.New("RDS did not tell the ARN of the database, which every finding names")
	}
	o := report.Origin{Region: r.channels.Hub.Region(), Database: r.cluster.ARN, Name: r.cluster.Name, SecretID: r.secretID, ReportURI: r.pageURI(), At: time.Now()}
	o.Partition, o.Account = r.channels.Hub.Account(ctx, r.cluster.ARN)
	return o, nil
}

func (r *run) notImported(format string, args ...any) {
	r.report.NotImported = append(r.report.NotImported, fmt.Sprintf(format, args...))
}
