package check_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/check"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// iamScene has a person and an administrator who was granted it, a person who is NOLOGIN, and a group, all members of rds_iam.
func iamScene(t *testing.T) *localtest.Scene {
	t.Helper()
	s := clusterSceneWith(t, map[string]string{"IAM_REVIEW": "true"})
	name := func(of string) string { return localtest.Ident(s.Shared + of) }
	s.SQL("DO $$ BEGIN CREATE ROLE rds_iam NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
		"CREATE ROLE "+name(" group")+" NOLOGIN IN ROLE rds_iam",
		"CREATE ROLE "+name(` "pe'rson"`)+" LOGIN IN ROLE "+name(" group"),
		"CREATE ROLE "+name(" shut")+" NOLOGIN IN ROLE rds_iam",
		"CREATE ROLE "+name(" admin")+" LOGIN CREATEROLE IN ROLE "+name(` "pe'rson"`),
		"CREATE ROLE "+name(" token")+" LOGIN CREATEROLE IN ROLE rds_iam")
	return s
}

// all are the results of a name, joined.
func all(r check.Report, name string) string {
	var text []string
	for _, c := range r.Checks {
		if c.Name == name {
			text = append(text, c.Detail+" | "+c.Fix)
		}
	}
	return strings.Join(text, "\n")
}

func wantAll(t *testing.T, r check.Report, name string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(all(r, name), part) {
			t.Errorf("%s does not say %q:\n%s", name, part, all(r, name))
		}
	}
}

func TestWhoCannotLogInByIAM(t *testing.T) {
	t.Parallel()
	s := iamScene(t)
	r := run(t, s, role.ForSweep)
	person := `"` + s.Shared + ` \"pe'rson\""`
	if !r.OK {
		t.Errorf("what stops no sweep is a fault: %+v", r)
	}
	wantAll(t, r, "iam authentication", "is off", person, "aws rds modify-db-cluster --db-cluster-identifier orders --enable-iam-database-authentication --apply-immediately")
	wantAll(t, r, "iam users", `"`+s.Shared+` shut"`, "LOGIN")
	if strings.Contains(all(r, "iam users"), "group") {
		t.Errorf("a group is nobody's account: %s", all(r, "iam users"))
	}
	wantAll(t, r, "iam administrators", `"`+s.Shared+` admin" counts as a member of rds_iam through `+person, "REVOKE rds_iam FROM")
	if strings.Contains(all(r, "iam administrators"), s.Shared+" token") {
		t.Errorf("whoever is meant to log in by token is no accident: %s", all(r, "iam administrators"))
	}
	wantAll(t, r, "iam policies", "no policy of this account lets anybody log in as", person, "rds-db:connect on arn:aws:rds-db:us-east-1:123456789012:dbuser:cluster-ORDERS/USER")

	s.AWS.SetIAMRole(iamtypes.RoleDetail{Arn: aws.String("arn:aws:iam::123456789012:role/all"), RoleName: aws.String("all"), RolePolicyList: []iamtypes.PolicyDetail{
		{PolicyName: aws.String("all"), PolicyDocument: aws.String(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)}}})
	s.AWS.SetDBCluster(types.DBCluster{DBClusterIdentifier: aws.String("orders"), DBClusterArn: aws.String("arn:aws:rds:us-east-1:123456789012:cluster:orders"),
		DbClusterResourceId: aws.String("cluster-ORDERS"), IAMDatabaseAuthenticationEnabled: aws.Bool(true), EnabledCloudwatchLogsExports: []string{"postgresql"},
		DBClusterMembers: []types.DBClusterMember{{DBInstanceIdentifier: aws.String("orders-1"), IsClusterWriter: aws.Bool(true)}}})
	r = run(t, s, role.ForSweep)
	wantAll(t, r, "iam authentication", "IAM database authentication is on")
	wantAll(t, r, "iam policies", "somebody may log in by IAM as each")

	s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Service == "iam" {
			return localaws.Fail("AccessDenied", 403)
		}
		return localaws.Pass
	})
	r = run(t, s, role.ForSweep)
	wantAll(t, r, "iam policies", "iam:GetAccountAuthorizationDetails", "not known")
}
