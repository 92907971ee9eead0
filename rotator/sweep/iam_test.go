package sweep_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/report"
)

// A sweep says who may log in by IAM, what of it is not needed, and what to take back of whom it closes. Without IAM's answer it
// sweeps all the same, and says that it does not know.
func TestReviewOfIAM(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.IAMReview, s.topic = true, "arn:aws:sns:us-east-1:123456789012:notices"
	s.exec("DO $$ BEGIN CREATE ROLE rds_iam NOLOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
	person, worker := s.user("person", 100), s.user("Wörker x", 1)
	s.exec(`GRANT rds_iam TO ` + person + `, "` + worker + `"`)
	users := "arn:aws:rds-db:us-east-1:" + localaws.AccountID + ":dbuser:"
	setRole(s, "app", users+"db-ABC/"+person, users+"db-ABC/"+s.prefix+"gone", users+"cluster-OLD/"+person)
	setRole(s, "admin", "*")

	s.stack.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Service == "iam" {
			return localaws.Fail("AccessDenied", 403)
		}
		return localaws.Pass
	})
	if r := s.run(); r.IAM == nil || r.IAM.Complete || len(r.IAM.Unreachable) != 0 || !strings.Contains(strings.Join(r.IAM.Notes, " "), "iam:GetAccountAuthorizationDetails") {
		t.Errorf("refused by IAM: %+v", r.IAM)
	}
	s.stack.Intercept(nil)
	s.settle()
	r := s.run()
	if r.IAM == nil || !r.IAM.Complete {
		t.Fatalf("%+v", r.IAM)
	}
	if got := arnsOf(r.IAM, person); !slices.Equal(got, []string{"admin", "app"}) {
		t.Errorf("%s may be %v", person, got)
	}
	if got := arnsOf(r.IAM, worker); !slices.Equal(got, []string{"admin"}) || slices.Contains(r.IAM.Unreachable, worker) {
		t.Errorf("%s may be %v", worker, got)
	}
	want := []string{`the database has no role "` + s.prefix + `gone"`, `no cluster or instance of this account and Region has the resource id "cluster-OLD"`}
	if len(r.IAM.Orphans) != 2 || r.IAM.Orphans[0].Why != want[0] || r.IAM.Orphans[1].Why != want[1] {
		t.Errorf("orphans %+v", r.IAM.Orphans)
	}
	if len(r.IAM.Broad) != 1 || r.IAM.Broad[0].Resource != "*" {
		t.Errorf("broad %+v", r.IAM.Broad)
	}
	locked := r.Locked
	if len(locked) != 1 || len(locked[0].Withdraw) != 1 || locked[0].Withdraw[0].Resource != users+"db-ABC/"+person || locked[0].Withdraw[0].Statement != "statement 1" {
		t.Fatalf("locked %+v", locked)
	}
	notices := s.stack.Notices()
	if text := notices[len(notices)-1].Message; !strings.Contains(text, `take back statement 1 of inline policy "db" of role app`) || !strings.Contains(text, "2 permissions for users or databases that do not exist") {
		t.Errorf("the notice is\n%s", text)
	}
}

// A member of rds_iam whom no policy admits is named, and nobody else is.
func TestUnreachableByIAM(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.IAMReview = true
	s.exec("DO $$ BEGIN CREATE ROLE rds_iam NOLOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
	person, other, group := s.user("person", 1), s.user("other", 1), s.prefix+"people"
	s.exec("CREATE ROLE " + group + " NOLOGIN IN ROLE rds_iam; GRANT " + group + " TO " + person)
	r := s.dryRun()
	if r.IAM == nil || !slices.Contains(r.IAM.Unreachable, person) || slices.Contains(r.IAM.Unreachable, other) || slices.Contains(r.IAM.Unreachable, group) {
		t.Errorf("%+v", r.IAM)
	}
}

// setRole has IAM tell of a role that may connect to resources.
func setRole(s *stage, name string, resources ...string) {
	s.stack.SetIAMRole(types.RoleDetail{Arn: aws.String("arn:aws:iam::" + localaws.AccountID + ":role/" + name), RoleName: &name,
		RolePolicyList: []types.PolicyDetail{{PolicyName: aws.String("db"), PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rds-db:connect","Resource":["` + strings.Join(resources, `","`) + `"]}]}`)}}})
}

// arnsOf are the names of the roles of IAM that may log in as a user.
func arnsOf(r *report.IAM, user string) []string {
	var names []string
	for _, a := range r.Access {
		if a.User == user {
			for _, p := range a.Principals {
				names = append(names, p.ARN[strings.LastIndex(p.ARN, "/")+1:])
			}
		}
	}
	return names
}
