package cluster

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// StreamsMade tells when each stream of a log group was made, also those of instances that are gone.
func StreamsMade(ctx context.Context, client *cloudwatchlogs.Client, group string) (map[string]time.Time, error) {
	made := map[string]time.Time{}
	pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(client, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: &group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, ExplainLogFault(group, err)
		}
		for _, stream := range page.LogStreams {
			made[aws.ToString(stream.LogStreamName)] = time.UnixMilli(aws.ToInt64(stream.CreationTime)).UTC()
		}
	}
	return made, nil
}

// Streamed lists the instances that have a stream in a log group, whether they live or are gone.
func Streamed(ctx context.Context, client *cloudwatchlogs.Client, group string) ([]string, error) {
	streams, err := StreamsMade(ctx, client, group)
	instances := map[string]bool{}
	for name := range streams {
		instances[InstanceOf(name)] = true
	}
	return slices.Sorted(maps.Keys(instances)), err
}
