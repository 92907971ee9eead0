package sweep_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
)

// tag puts tags on the stage's secret.
func (s *stage) tag(tags map[string]string) {
	s.t.Helper()
	var list []types.Tag
	for key, value := range tags {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	_, err := secretsmanager.NewFromConfig(s.stack.Config()).TagResource(s.t.Context(), &secretsmanager.TagResourceInput{SecretId: &s.prefix, Tags: list})
	if err != nil {
		s.t.Fatal(err)
	}
}

// One scene after the other: each tag spares somebody, and none closes anybody.
func TestTagsOfTheSecretSpareRoles(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.topic = "arn:aws:sns:us-east-1:123456789012:notices"
	s.settle()
	named, idle, long := s.user("named", 100), s.user("idle", 100), s.user("long", 300)

	s.tag(map[string]string{"pgrotator:lock-days": "12O"})
	report := s.run()
	if !report.DryRun || report.Policy.Mode != "report" || !s.canLogin(long) || len(report.Locked) != 3 {
		t.Errorf("a tag cannot be read, and the mode is %s, dryRun %v, locked %v", report.Policy.Mode, report.DryRun, closedUsers(report.Locked))
	}
	if notices := s.stack.Notices(); !strings.Contains(notices[len(notices)-1].Message, `pgrotator:lock-days = "12O" is not used`) {
		t.Errorf("the notice does not name the tag:\n%s", notices[len(notices)-1].Message)
	}

	s.stack.Intercept(func(call localaws.Call) localaws.Outcome {
		if call.Operation == "DescribeSecret" {
			return localaws.Fail("AccessDeniedException", 400)
		}
		return localaws.Pass
	})
	report = s.run()
	if report.Evidence.Complete || !s.canLogin(long) || !strings.Contains(strings.Join(report.Evidence.Reasons, " "), "The secret's tags, which may spare roles of this database, cannot be read") {
		t.Errorf("the tags cannot be read: complete %v, %q", report.Evidence.Complete, report.Evidence.Reasons)
	}
	s.stack.Intercept(nil)

	s.tag(map[string]string{"pgrotator:lock-days": "30", "pgrotator:mode": "act", "pgrotator:ignore": named + " nobody"})
	report = s.run()
	if got := closedUsers(report.Locked); !slices.Equal(got, []string{idle, long}) || *report.Policy.LockDays != 90 {
		t.Errorf("locked %q after %d days, want all but %s after 90", got, *report.Policy.LockDays, named)
	}
	if notes := strings.Join(report.Evidence.Notes, " "); !strings.Contains(notes, `pgrotator:ignore has "nobody"`) || strings.Contains(notes, named) {
		t.Errorf("noted %s", notes)
	}
	later := s.user("later", 150)
	s.tag(map[string]string{"pgrotator:lock-days": "200"})
	if report = s.run(); !s.canLogin(later) || *report.Policy.LockDays != 200 || report.Policy.Source != "environment, made gentler by the secret's tags" {
		t.Errorf("locked %q by a policy of %d days (%s)", closedUsers(report.Locked), *report.Policy.LockDays, report.Policy.Source)
	}
	s.tag(map[string]string{"pgrotator:mode": "report"})
	s.user("last", 250)
	if report = s.run(); len(report.Locked) != 1 || !s.canLogin(report.Locked[0].User) {
		t.Errorf("in mode report it has locked %q", closedUsers(report.Locked))
	}
}
