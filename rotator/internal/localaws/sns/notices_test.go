package sns_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

func TestNoticesArePublishedOnes(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	client := sns.NewFromConfig(stack.Config())
	const topic = "arn:aws:sns:us-east-1:123456789012:notices"
	for name, in := range map[string]sns.PublishInput{
		"subject of two lines":     {TopicArn: aws.String(topic), Subject: aws.String("a\nb"), Message: aws.String("m")},
		"subject that is no ASCII": {TopicArn: aws.String(topic), Subject: aws.String("två"), Message: aws.String("m")},
		"no message":               {TopicArn: aws.String(topic), Message: aws.String("")},
		"no topic":                 {TopicArn: aws.String("notices"), Message: aws.String("m")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Publish(t.Context(), &in)
			awstest.WantCode(t, err, "InvalidParameter")
		})
	}
	if _, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(topic), Subject: aws.String("Locked 2 roles"), Message: aws.String("a & b\nc=d")}); err != nil {
		t.Fatal(err)
	}
	want := []localaws.Notice{{TopicARN: topic, Subject: "Locked 2 roles", Message: "a & b\nc=d"}}
	if got := stack.Notices(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
