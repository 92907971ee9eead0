package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/logread"
	"pgrotator/rotator/sweep/evidence"
)

// wholeTakes is how long it may take to read a stretch of a small group whole: what it shows is stored once it is read to its end.
const wholeTakes = 20 * time.Second

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
		rows, err := reader.read(ctx, group, s)
		if err != nil {
			r.evidence.Doubt("The second reading of log group %s, which nobody is closed without, ended early: %v. What it has covered is stored, and the next run goes on from there.", group.Name, err)
			break
		}
		if fault := r.evidence.Contradicts(group.Name, s, rows); fault != "" {
			r.evidence.Doubt("The second reading of log group %s does not agree with the first: %s.", group.Name, fault)
			break
		}
		if err := r.cover(ctx, group, s, rows, second); err != nil {
			return err
		}
	}
	told := &r.report.Evidence.SecondReading
	told.Reader, told.Why = string(reader.choice.Way), reader.choice.Why
	told.Bytes += reader.bytes()
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

// secondReader reads a group a second time: whole events where the group is small, rows of Logs Insights else.
type secondReader struct {
	choice logread.Choice
	reader logread.Reader
	open   func(logread.Way) logread.Reader
	until  time.Time     // when reading ends; zero = never
	whole  time.Duration // how long it may take to read a stretch whole
	former int64         // bytes that the reader before this one has read
}

func (r *run) secondReader(ctx context.Context, group logread.Group, expected int64) (*secondReader, error) {
	until := stopReading(ctx)
	choice, err := logread.ChooseRows(group, expected, r.region(), timeLeft(until))
	if err != nil {
		return nil, err
	}
	open := func(way logread.Way) logread.Reader {
		return logread.New(way, r.logs, logread.Options{Region: r.region(), Until: until, Pace: r.pace, Slice: week})
	}
	return &secondReader{choice: choice, reader: open(choice.Way), open: open, until: until, whole: cmp.Or(r.wholeTakes, wholeTakes)}, nil
}

// read reads a stretch. Where one that is read whole takes long it holds more than was expected: it is read by Logs Insights after all, and so
// are those that follow.
func (s *secondReader) read(ctx context.Context, group logread.Group, stretch evidence.Stretch) ([]logread.Row, error) {
	if s.choice.Way == logread.LogsInsights {
		return s.rows(ctx, group, stretch)
	}
	bounded, cancel := context.WithTimeoutCause(ctx, s.whole, logread.ErrOutOfTime)
	defer cancel()
	rows, err := s.rows(bounded, group, stretch)
	if errors.Is(err, logread.ErrOutOfTime) && timeLeft(s.until) > 0 {
		s.former = s.bytes()
		s.choice = logread.Choice{Way: logread.LogsInsights, Why: fmt.Sprintf("to read it whole took longer than %s", s.whole)}
		s.reader = s.open(s.choice.Way)
		return s.rows(ctx, group, stretch)
	}
	return rows, err
}

func (s *secondReader) rows(ctx context.Context, group logread.Group, stretch evidence.Stretch) ([]logread.Row, error) {
	tally := logread.NewTally()
	err := s.reader.Read(ctx, group, stretch.From, stretch.To, tally)
	return tally.Rows(), err
}

func (s *secondReader) bytes() int64 { return s.former + s.reader.Usage().Bytes }

const week = 7 * 24 * time.Hour

func activities(found []evidence.Spared) []account.Activity {
	list := make([]account.Activity, len(found))
	for n, s := range found {
		list[n] = s.Activity()
	}
	return list
}
