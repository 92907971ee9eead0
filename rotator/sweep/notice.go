package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/report"
)

// tell sends a notice of what the sweep did, and of what is new of what it could not do or judge. Where nothing is, it sends nothing.
// A notice that cannot be sent is logged, and its news are news again for the next run.
func (r *run) tell(ctx context.Context) {
	if r.channels.Notices == nil {
		return
	}
	if err := r.notify(ctx); err != nil {
		r.log.ErrorContext(ctx, "notice not sent", slog.String("secretId", r.secretID), slog.String("error", err.Error()))
	}
}

func (r *run) notify(ctx context.Context) error {
	before := r.told(ctx)
	subject, body, after := r.report.Mail(before, time.Now().UTC())
	if body != "" {
		if err := r.channels.Notices.Send(ctx, subject, body); err != nil {
			return err
		}
	}
	if body == "" && reflect.DeepEqual(before, after) {
		return nil
	}
	if err := account.RecordNote(ctx, r.writer, r.place.Schema, account.ToldByNotice, after); err != nil {
		return fmt.Errorf("noting what was told, so that the next notice does not tell it again: %w", err)
	}
	return nil
}

// told is what notices have told. Where that cannot be read, or is no such thing, all is told again.
func (r *run) told(ctx context.Context) report.Told {
	told, err := account.ReadNote[report.Told](ctx, r.writer, r.place.Schema, account.ToldByNotice)
	if err != nil {
		return report.Told{}
	}
	return told
}
