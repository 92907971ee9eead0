package deploy_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/internal/cloudformation"
)

// memberTemplate is the template of the role in a member account, as the page of the fleet has it.
func memberTemplate(t *testing.T) (text string, parsed template) {
	t.Helper()
	page, err := os.ReadFile("../fleet/README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(AWSTemplateFormatVersion.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("the page has no template")
	}
	long, err := cloudformation.Read(block[1])
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	return string(block[1]), decodeTemplate(t, encoded)
}

// The role in a member account allows what the functions may do in their own account, in a fleet, and no more.
func TestRoleOfAMemberAccountIsThatOfTheFunctions(t *testing.T) {
	t.Parallel()
	_, member := memberTemplate(t)
	there := newStack(member, map[string]string{"RotationFunctionArn": "<RotationFunction.Arn>", "RotationRoleArn": "<RotationRole.Arn>", "SweepRoleArn": "<SweepRole.Arn>", "ExternalId": "platform"})
	here := newStack(readTemplate(t), map[string]string{"Fleet": "true"})
	own := map[string]bool{}
	for _, role := range []string{"RotationRole", "SweepRole"} {
		for _, s := range here.statements(role) {
			for _, action := range s.actions {
				// What belongs to the functions themselves: network, logs, queue, topic and results.
				if service, operation, _ := strings.Cut(action, ":"); !slices.Contains([]string{"ec2", "sqs", "sns", "s3"}, service) && operation != "CreateLogStream" && operation != "PutLogEvents" {
					own[action] = true
				}
			}
		}
	}
	given := map[string]bool{}
	for _, s := range there.statements("Role") {
		for _, action := range s.actions {
			given[action] = true
			if !own[action] {
				t.Errorf("%s allows %s, which the functions may not do in their own account", s.sid, action)
			}
			if reaches := strings.HasPrefix(action, "secretsmanager:Get") || strings.HasPrefix(action, "secretsmanager:Put"); reaches && action != "secretsmanager:GetRandomPassword" && s.condition == nil {
				t.Errorf("%s allows %s on every secret", s.sid, action)
			}
		}
	}
	for action := range own {
		if !given[action] {
			t.Errorf("the functions call %s, which the role does not allow", action)
		}
	}
	trust := there.resolve(member.Resources["Role"].Properties["AssumeRolePolicyDocument"]).(map[string]any)["Statement"].([]any)[0].(map[string]any)
	if who := oneOrMore(trust["Principal"].(map[string]any)["AWS"]); !slices.Equal(who, []string{"<RotationRole.Arn>", "<SweepRole.Arn>"}) {
		t.Errorf("the role trusts %v", who)
	}
	if asked := newStatement(map[string]any{"Effect": "Allow", "Action": "a", "Resource": "r", "Condition": trust["Condition"]}).under("sts:ExternalId"); !slices.Equal(asked, []string{"platform"}) {
		t.Errorf("the role asks for the external id %v", asked)
	}
}
