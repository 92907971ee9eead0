package sweep_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/account"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/report"
)

// A sweep says who may log in by IAM, what of it is not needed, and what to take back of whom it closes. Without IAM's answer it
// sweeps all the same, and says that it does not know.
func TestReviewOfIAM(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.IAMReview, s.topic, s.hub = true, "arn:aws:sns:us-east-1:123456789012:notices", true
	s.exec("DO $$ BEGIN CREATE ROLE rds_iam NOLOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
	person, worker := s.user("person", 100), s.user("Wörker x", 1)
	s.exec(`GRANT rds_iam TO ` + person + `, "` + worker + `"`)
	users := "arn:aws:rds-db:us-east-1:" + localaws.AccountID + ":dbuser:"
	setRole(s, "app", users+"db-ABC/"+person, users+"db-ABC/"+s.prefix+"gone", users+"cluster-OLD/"+person)
	setRole(s, "admin", "*")

	refuse := func(c localaws.Call) localaws.Outcome {
		if c.Service == "iam" {
			return localaws.Fail("AccessDenied", 403)
		}
		return localaws.Pass
	}
	s.stack.Intercept(refuse)
	if r := s.run(); r.IAM == nil || r.IAM.Complete || len(r.IAM.Unreachable) != 0 || !strings.Contains(strings.Join(r.IAM.Notes, " "), "iam:GetAccountAuthorizationDetails") {
		t.Errorf("refused by IAM: %+v", r.IAM)
	}
	s.stack.Intercept(nil)
	s.settle()
	for range 2 {
		if _, err := s.refusedLogin(worker); err == nil {
			t.Fatal("a wrong password lets in")
		}
	}
	r := s.run()
	if r.IAM == nil || !slices.Contains(r.IAM.Failed, report.Failures{User: worker, Attempts: 2}) {
		t.Errorf("failed %+v", r.IAM)
	}
	if !r.IAM.Complete {
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
	const gone, many = "iam-permission-account  ACTIVE LOW", "iam-permission-account  ACTIVE MEDIUM"
	if got := s.findings(); !slices.Contains(got, "iam-permission  ACTIVE LOW") || !slices.Contains(got, gone) || !slices.Contains(got, many) {
		t.Errorf("Security Hub has %q", got)
	}
	setRole(s, "app", users+"db-ABC/"+person)
	s.stack.Intercept(refuse)
	if s.run(); !slices.Contains(s.findings(), gone) {
		t.Errorf("a permission that nobody could look for is settled: %q", s.findings())
	}
	s.stack.Intercept(nil)
	if s.run(); slices.Contains(s.findings(), gone) || !slices.Contains(s.findings(), many) {
		t.Errorf("of the permissions one is gone, and Security Hub has %q", s.findings())
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

// refusedLogin tries a password that is wrong.
func (s *stage) refusedLogin(name string) (*pgx.Conn, error) {
	return pgx.Connect(s.t.Context(), s.server.URL(name, "wrong", s.prefix))
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

// Whoever holds rds_iam through any membership is a member, also by ADMIN alone, as the maker of a role has it from 16 on: an
// administrator who is one so is told from one who logs in by token.
func TestWhoIsAMemberOfIAM(t *testing.T) {
	t.Parallel()
	onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.exec("DO $$ BEGIN CREATE ROLE rds_iam NOLOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
		maker, made, admin, reader := s.prefix+"maker", s.prefix+"made", s.prefix+"admin", s.prefix+"reader"
		s.exec("CREATE ROLE " + maker + " LOGIN CREATEROLE; CREATE ROLE " + admin + " LOGIN CREATEROLE IN ROLE rds_iam; CREATE ROLE " + reader + " LOGIN")
		s.exec("SET ROLE " + maker + "; CREATE ROLE " + made + " LOGIN; RESET ROLE; GRANT rds_iam TO " + made)
		user, secret := s.server.Superuser()
		session, err := postgres.Opener{}.Open(t.Context(), postgres.Server{Host: s.server.Host(), Port: uint16(s.server.Port()), Database: s.prefix, Plaintext: true},
			postgres.Login{User: user, Password: secret})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close(t.Context())
		members, err := account.ReadIAMMembers(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]account.IAMMember{}
		for _, m := range members {
			found[m.Name] = m
		}
		if m, ok := found[admin]; !ok || m.LockedOut || !slices.Equal(m.Through, []string{"rds_iam"}) {
			t.Errorf("whoever logs in by token: %+v", m)
		}
		if m, ok := found[made]; !ok || m.LockedOut || !m.CanLogin {
			t.Errorf("the person: %+v", m)
		}
		if m, ok := found[maker]; ok != (s.server.Major() >= 16) || ok && (!m.LockedOut || !slices.Equal(m.Through, []string{made})) {
			t.Errorf("the person's maker: %t, %+v", ok, m)
		}
		if m, ok := found[reader]; ok {
			t.Errorf("whoever has nothing to do with it: %+v", m)
		}
	})
}
