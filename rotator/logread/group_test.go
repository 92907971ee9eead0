package logread_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/logread"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	created := begin.Add(-time.Hour)
	s := newScene(t, localaws.LogGroup{Class: types.LogGroupClassInfrequentAccess, Created: created, RetentionDays: 30, StoredBytes: 12345})
	s.SetLogGroup(groupName+"-2", localaws.LogGroup{Protection: localaws.DataProtection{Status: "DISABLED"}})
	want := logread.Group{Name: groupName, Class: types.LogGroupClassInfrequentAccess, Created: created, Retention: 30 * 24 * time.Hour, StoredBytes: 12345}
	if got := s.group(t); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	former, err := logread.Describe(t.Context(), s.client, groupName+"-2")
	if err != nil || !former.Protected || former.Class != types.LogGroupClassStandard || former.Retention != 0 {
		t.Errorf("got %+v, %v, want a protected group of class STANDARD that keeps its events", former, err)
	}
	s.SetAccountDataProtection(localaws.DataProtection{Status: "ACTIVATED"})
	if !s.group(t).Protected {
		t.Error("the account's policy does not protect the group")
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	standard := logread.Group{Name: "g", Class: types.LogGroupClassStandard}
	infrequent := logread.Group{Name: "g", Class: types.LogGroupClassInfrequentAccess}
	delivery := logread.Group{Name: "g", Class: types.LogGroupClassDelivery}
	masked, maskedInfrequent := standard, infrequent
	masked.Protected, maskedInfrequent.Protected = true, true
	const gb = int64(1e9)
	for _, c := range []struct {
		group    logread.Group
		expected int64
		region   string
		left     time.Duration
		want     logread.Way
		why      string // or the error's
	}{
		{standard, 0, "eu-west-1", time.Minute, logread.FilterLogEvents, "0 MB"},
		{standard, gb, "eu-west-1", 14 * time.Minute, logread.FilterLogEvents, "1.00 GB"},
		{standard, 4 * gb, "eu-west-1", 14 * time.Minute, logread.LogsInsights, "14m0s"},
		{standard, 4 * gb, "us-east-1", 14 * time.Minute, logread.FilterLogEvents, "4.00 GB"},
		{standard, 4 * gb, "eu-central-1", 14 * time.Minute, logread.LogsInsights, "4.00 GB"},
		{standard, 10 * gb, "us-east-1", 14 * time.Minute, logread.LogsInsights, "10.00 GB"},
		{standard, 1, "us-east-1", -time.Minute, logread.LogsInsights, "0s left"},
		{masked, 10 * gb, "us-east-1", 14 * time.Minute, logread.LogsInsights, "10.00 GB"},
		{infrequent, 0, "us-east-1", time.Hour, logread.LogsInsights, "INFREQUENT_ACCESS"},
		{delivery, 0, "us-east-1", time.Hour, "", `"g" is of class DELIVERY`},
		{maskedInfrequent, 0, "us-east-1", time.Hour, "", "cannot be read by anybody"},
	} {
		got, err := logread.Choose(c.group, c.expected, c.region, c.left)
		words := got.Why
		if err != nil {
			words = err.Error()
		}
		if got.Way != c.want || (err == nil) != (c.want != "") || !strings.Contains(words, c.why) {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
}

func TestExpectedBytes(t *testing.T) {
	t.Parallel()
	g := logread.Group{StoredBytes: 1000, Created: begin.Add(-100 * day), Retention: 10 * day}
	for length, want := range map[time.Duration]int64{day: 1000, 5 * day: 5000, 30 * day: 10000} {
		if got := g.Expected(begin.Add(-length), begin, begin); got != want {
			t.Errorf("%s of a group that keeps ten days: %d bytes, want %d", length, got, want)
		}
	}
	g.Created = begin
	if got := g.Expected(begin.Add(-day), begin, begin); got != 0 {
		t.Errorf("%d bytes expected of a group that was made now", got)
	}
}

func TestDollars(t *testing.T) {
	t.Parallel()
	if got := logread.Dollars(100e9); got != 0.5 {
		t.Errorf("100 GB cost $%v, want 0.5", got)
	}
}
