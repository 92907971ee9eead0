package logread

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Way is a way of reading a log group.
type Way string

const (
	// FilterLogEvents reads whole events.
	FilterLogEvents Way = "FilterLogEvents"
	// LogsInsights reads rows. Its times are whole seconds, both included, so what happened in the second in which one part of a
	// reading ends and the next begins may be in the rows of both.
	LogsInsights Way = "LogsInsights"
)

// Choice is how a group is to be read, and why, in words for the report.
type Choice struct {
	Way Way
	Why string
}

const (
	// pageBytes is the most that a page of FilterLogEvents holds; pages may be shorter, so pageShare of it is counted on.
	pageBytes = 1 << 20
	pageShare = 0.5
	// smallGroup is up to how many bytes events are read whole to be divided into rows: that takes a function some ten seconds.
	smallGroup = 16 << 20
	// compression is about what the log of a busy database compresses by; StoredBytes counts compressed bytes.
	compression = 10
	// dollarsPerGB is the price of scanning by Logs Insights in most Regions, for both classes of groups.
	dollarsPerGB = 0.005
)

// Choose says how to read a group of which about that many bytes are expected, in the time that is left. It returns an error for a
// group that neither way reads.
func Choose(group Group, expected int64, region string, left time.Duration) (Choice, error) {
	if err := readableByQuery(group); err != nil {
		return Choice{}, err
	}
	if group.Class == types.LogGroupClassInfrequentAccess {
		return Choice{LogsInsights, "the log group is of class INFREQUENT_ACCESS, which only Logs Insights reads"}, nil
	}
	reach := int64(mostPace(region) * pageShare * pageBytes * max(left, 0).Seconds())
	if expected > reach {
		return Choice{LogsInsights, fmt.Sprintf("about %s are expected, and FilterLogEvents reads about %s in the %s left",
			size(expected), size(reach), left.Truncate(time.Second))}, nil
	}
	return Choice{FilterLogEvents, fmt.Sprintf("about %s are expected, which can be read whole", size(expected))}, nil
}

// ChooseRows is Choose where whole events are to be divided into rows.
func ChooseRows(group Group, expected int64, region string, left time.Duration) (Choice, error) {
	choice, err := Choose(group, expected, region, left)
	if err != nil || expected <= smallGroup || choice.Way == LogsInsights {
		return choice, err
	}
	return Choice{LogsInsights, fmt.Sprintf("about %d MB are expected, and to divide more than %d MB into rows takes the function too long", expected>>20, smallGroup>>20)}, nil
}

// Expected estimates the bytes that a stretch of a group holds, from what it stores, where no earlier reading tells.
func (g Group) Expected(from, to, now time.Time) int64 {
	kept := now.Sub(g.Created)
	if g.Retention > 0 {
		kept = min(kept, g.Retention)
	}
	if kept <= 0 {
		return 0
	}
	return int64(compression * float64(g.StoredBytes) * float64(min(to.Sub(from), kept)) / float64(kept))
}

// Dollars estimates what it costs to have Logs Insights scan that many bytes.
func Dollars(bytes int64) float64 { return float64(bytes) / 1e9 * dollarsPerGB }

// size is about how much some bytes are, in words.
func size(bytes int64) string {
	if bytes < 1e9 {
		return fmt.Sprintf("%d MB", (bytes+1e6-1)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(bytes)/1e9)
}
