package cluster

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// Streamed lists the instances that have a stream in a log group, whether they live or are gone.
func Streamed(ctx context.Context, client *cloudwatchlogs.Client, group string) ([]string, error) {
	instances := map[string]bool{}
	pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(client, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: &group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, ExplainLogFault(group, err)
		}
		for _, stream := range page.LogStreams {
			instances[InstanceOf(aws.ToString(stream.LogStreamName))] = true
		}
	}
	return slices.Sorted(maps.Keys(instances)), nil
}
