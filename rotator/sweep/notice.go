package sweep

import (
	"context"

	"pgrotator/rotator/report"
)

// notify tells people by NOTICE_TOPIC_ARN what a sweep did or could not judge. Where there is nothing to tell it sends nothing.
func (s *Sweep) notify(ctx context.Context, r report.Report) error {
	subject, body := report.Mail(r)
	if s.channels.Notices == nil || body == "" {
		return nil
	}
	return s.channels.Notices.Send(ctx, subject, body)
}
