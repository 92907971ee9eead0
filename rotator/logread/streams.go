package logread

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// Streams tells when each stream of a log group was made, also those of instances that are gone.
func Streams(ctx context.Context, client *cloudwatchlogs.Client, group string) (map[string]time.Time, error) {
	made := map[string]time.Time{}
	pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(client, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: &group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain(group, "listing the streams of", "logs:DescribeLogStreams on the log group", err)
		}
		for _, stream := range page.LogStreams {
			made[aws.ToString(stream.LogStreamName)] = time.UnixMilli(aws.ToInt64(stream.CreationTime)).UTC()
		}
	}
	return made, nil
}
