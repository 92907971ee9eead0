package secret_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"pgrotator/rotator/secret"
)

// The second of two windows was missed, a schedule was never made, rotation was switched off; and what is not overdue.
func TestOverdue(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now := time.Date(2027, 3, 31, 12, 0, 0, 0, time.UTC)
	on, off := aws.Bool(true), aws.Bool(false)
	for name, c := range map[string]struct {
		description secret.Description
		why         string // "" = not overdue
		since       time.Time
	}{
		"never rotated, never to":    {secret.Description{}, "", time.Time{}},
		"off from the first":         {secret.Description{Enabled: off}, "", time.Time{}},
		"switched off":               {secret.Description{Enabled: off, LastRotated: now.Add(-40 * day), Interval: 30 * day}, "switched off", now.Add(-10 * day)},
		"switched off, not told":     {secret.Description{LastRotated: now.Add(-40 * day), Interval: 30 * day}, "switched off", now.Add(-10 * day)},
		"on time":                    {secret.Description{Enabled: on, LastRotated: now.Add(-20 * day), NextRotation: now.Add(10 * day), Interval: 30 * day}, "", time.Time{}},
		"in its window":              {secret.Description{Enabled: on, LastRotated: now.Add(-30 * day), NextRotation: now.Add(-day / 2), Interval: 30 * day}, "", time.Time{}},
		"window missed":              {secret.Description{Enabled: on, LastRotated: now.Add(-33 * day), NextRotation: now.Add(-3 * day), Interval: 30 * day}, "it was to rotate by 2027-03-28", now.Add(-3 * day)},
		"last too long ago":          {secret.Description{Enabled: on, LastRotated: now.Add(-40 * day), Interval: 30 * day}, "rotated last on 2027-02-19, and rotates every 30 days", now.Add(-10 * day)},
		"nothing scheduled":          {secret.Description{Enabled: on, LastRotated: now.Add(-40 * day)}, "nothing is scheduled", now.Add(-40 * day)},
		"first rotation still ahead": {secret.Description{Enabled: on, Created: now.Add(-100 * day), NextRotation: now.Add(day), Interval: 30 * day}, "", time.Time{}},
		"first rotation missed":      {secret.Description{Enabled: on, Created: now.Add(-100 * day), NextRotation: now.Add(-3 * day), Interval: 30 * day}, "it was to rotate by 2027-03-28", now.Add(-3 * day)},
		"on, and never rotated":      {secret.Description{Enabled: on, Created: now.Add(-100 * day), Interval: 30 * day}, "never rotated since it was made on 2026-12-21, and rotates every 30 days", now.Add(-70 * day)},
		"on, and made lately":        {secret.Description{Enabled: on, Created: now.Add(-20 * day), Interval: 30 * day}, "", time.Time{}},
		"never, nothing scheduled":   {secret.Description{Enabled: on, Created: now.Add(-100 * day)}, "nothing is scheduled", now.Add(-100 * day)},
	} {
		why, since := c.description.Overdue(now)
		if (why == "") != (c.why == "") || !strings.Contains(why, c.why) || !since.Equal(c.since) {
			t.Errorf("%s: %q since %s; want %q since %s", name, why, since, c.why, c.since)
		}
	}
}
