package sweep

import (
	"context"
	"fmt"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// smallGroup is up to how many bytes the second reading reads whole: dividing them into rows takes a function some ten seconds.
const smallGroup = 16 << 20

// confirm reads every log a second time, in rows, by a judgement of its own: whoever it finds active is spared, and remembered as
// active. What it has covered is remembered with that, piece by piece, so that later runs read on from there.
func (r *run) confirm(ctx context.Context) error {
	// What the first reading shows comes first: of the same entry it knows more than that nothing refused it.
	if err := account.Store(ctx, r.writer, r.place, r.remember(r.evidence.Active()), nil, nil); err != nil {
		return err
	}
	second := evidence.NewSecond(r.events.Names())
	for _, name := range r.evidence.Groups() {
		if group, known := r.groups[name]; known {
			if err := r.confirmGroup(ctx, group, second); err != nil {
				return err
			}
		}
	}
	return nil
}

// confirmGroup reads what the second reading lacks of a group. The first fault ends it: the cover stays as far as it has come. An error is the
// database's.
func (r *run) confirmGroup(ctx context.Context, group logread.Group, second *evidence.Second) error {
	stretches := r.evidence.SecondReading(group.Name, group.Retention)
	var expected int64
	for _, s := range stretches {
		expected += r.evidence.Expected(group.Name, s.To.Sub(s.From), group.Expected(s.From, s.To, r.evidence.Start))
	}
	reader, err := r.secondReader(ctx, group, expected)
	if err != nil {
		r.evidence.Doubt("The log cannot be read a second time: %v.", err)
		return nil
	}
	for _, s := range stretches {
		rows := logread.NewTally()
		if err := reader.Read(ctx, group, s.From, s.To, rows); err != nil {
			r.evidence.Doubt("The second reading of log group %s, which nobody is closed without, ended early: %v. What it has covered is stored, and the next run goes on from there.", group.Name, err)
			break
		}
		if fault := r.evidence.Contradicts(group.Name, s, rows.Rows()); fault != "" {
			r.evidence.Doubt("The second reading of log group %s does not agree with the first: %s.", group.Name, fault)
			break
		}
		if err := r.cover(ctx, group, s, rows.Rows(), second); err != nil {
			return err
		}
	}
	r.report.Evidence.SecondReading.Bytes += reader.Usage().Bytes
	return nil
}

// cover takes in a stretch that was read, and stores whom it shows active together with that it is covered: one without the other would lose
// whoever was found, if the run ended here.
func (r *run) cover(ctx context.Context, group logread.Group, s evidence.Stretch, rows []logread.Row, second *evidence.Second) error {
	for _, row := range rows {
		second.Row(row)
	}
	found := second.End()
	r.spared = append(r.spared, found...)
	r.evidence.Covered(group.Name, s, rows)
	return account.Store(ctx, r.writer, r.place, activities(found), r.evidence.Progress(), nil)
}

// secondReader is the one for a second reading: whole events where the group is small, rows of Logs Insights else.
func (r *run) secondReader(ctx context.Context, group logread.Group, expected int64) (logread.Reader, error) {
	until := stopReading(ctx)
	choice, err := logread.Choose(group, expected, r.region(), timeLeft(until))
	if err != nil {
		return nil, err
	}
	if expected > smallGroup && choice.Way != logread.LogsInsights {
		choice = logread.Choice{Way: logread.LogsInsights, Why: fmt.Sprintf("about %d MB are expected, and to divide more than %d MB into rows takes the function too long", expected>>20, smallGroup>>20)}
	}
	r.report.Evidence.SecondReading.Reader, r.report.Evidence.SecondReading.Why = string(choice.Way), choice.Why
	return logread.New(choice.Way, r.logs, logread.Options{Region: r.region(), Until: until, Pace: r.pace, Slice: week}), nil
}

const week = 7 * 24 * time.Hour

func activities(found []evidence.Spared) []account.Activity {
	list := make([]account.Activity, len(found))
	for n, s := range found {
		list[n] = account.Activity{Role: s.Role, At: s.At, Began: s.At, Source: evidence.ByUnreadEntry}
	}
	return list
}
