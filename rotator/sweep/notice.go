package sweep

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"pgrotator/rotator/report"
)

// notify tells people by NOTICE_TOPIC_ARN what a sweep did or could not judge. Where there is nothing to tell it sends nothing.
func (s *Sweep) notify(ctx context.Context, r report.Report) error {
	subject, body := report.Mail(r)
	if s.options.Topic == "" || body == "" {
		return nil
	}
	_, err := s.notices.Publish(ctx, &sns.PublishInput{TopicArn: &s.options.Topic, Subject: &subject, Message: &body})
	if err != nil {
		return fmt.Errorf("publishing to the topic %s: %w", s.options.Topic, err)
	}
	return nil
}
