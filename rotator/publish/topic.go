package publish

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"pgrotator/rotator/awserror"
)

// Topic sends notices to a topic of SNS.
type Topic struct {
	client *sns.Client
	arn    string
}

// NewTopic is nil where no topic is named.
func NewTopic(client *sns.Client, arn string) *Topic {
	if arn == "" {
		return nil
	}
	return &Topic{client: client, arn: arn}
}

// Send publishes a notice: a subject of ASCII of at most 100 characters, and a text of at most 256 KB.
func (t *Topic) Send(ctx context.Context, subject, text string) error {
	if _, err := t.client.Publish(ctx, &sns.PublishInput{TopicArn: &t.arn, Subject: &subject, Message: &text}); err != nil {
		return fmt.Errorf("publishing to the topic %s: %w", t.arn, awserror.SNS.Explain(err))
	}
	return nil
}
