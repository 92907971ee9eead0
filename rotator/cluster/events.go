package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/awserror"
)

// Happening is an event of RDS's own about an instance.
type Happening struct {
	Instance string
	At       time.Time
	Message  string
}

// eventsKept is how long RDS keeps its events (RDS API Reference, DescribeEvents).
const eventsKept = 14 * 24 * time.Hour

// Happened asks RDS what happened to the instances of a cluster lately (rds:DescribeEvents).
func Happened(ctx context.Context, client *rds.Client, c Cluster) ([]Happening, error) {
	var list []Happening
	for _, i := range c.Instances {
		pages := rds.NewDescribeEventsPaginator(client, &rds.DescribeEventsInput{SourceIdentifier: &i.Name,
			SourceType: types.SourceTypeDbInstance, Duration: aws.Int32(int32(eventsKept.Minutes()))})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("describing the events of DB instance %s: %w", i.Name, awserror.RDS.Explain(err))
			}
			for _, e := range page.Events {
				list = append(list, Happening{Instance: i.Name, At: aws.ToTime(e.Date).UTC(), Message: aws.ToString(e.Message)})
			}
		}
	}
	return list, nil
}
