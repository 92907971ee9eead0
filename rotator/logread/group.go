package logread

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Group is a log group as DescribeLogGroups tells it.
type Group struct {
	Name        string
	Class       types.LogGroupClass
	Retention   time.Duration // 0 = for ever
	Created     time.Time
	StoredBytes int64
	// Protected says that a data protection policy masks what is ingested, or did so formerly: masked events stay masked.
	Protected bool
}

// ErrNoGroup is returned for a group that does not exist. RDS makes it with the first line that it exports.
var ErrNoGroup = errors.New("it does not exist: switch on the export of the PostgreSQL log to CloudWatch Logs")

// Describe asks CloudWatch Logs about a group. It returns ErrNoGroup where there is none.
func Describe(ctx context.Context, client *cloudwatchlogs.Client, name string) (Group, error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(client, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Group{}, explain(name, "describing", "logs:DescribeLogGroups on all log groups", err)
		}
		for _, g := range page.LogGroups {
			if aws.ToString(g.LogGroupName) == name {
				return described(g), nil
			}
		}
	}
	return Group{}, fmt.Errorf("log group %q: %w", name, ErrNoGroup)
}

func described(g types.LogGroup) Group {
	class := g.LogGroupClass
	if class == "" {
		class = types.LogGroupClassStandard
	}
	return Group{
		Name: aws.ToString(g.LogGroupName), Class: class,
		Retention:   time.Duration(aws.ToInt32(g.RetentionInDays)) * 24 * time.Hour,
		Created:     time.UnixMilli(aws.ToInt64(g.CreationTime)).UTC(),
		StoredBytes: aws.ToInt64(g.StoredBytes),
		Protected:   g.DataProtectionStatus != "" || len(g.InheritedProperties) > 0,
	}
}
