package localaws_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

// identityChecks are those of IAM.
func identityChecks() map[string]check {
	return map[string]check{
		"identities come in pages":                checkIdentitiesComeInPages,
		"documents are URL-encoded":               checkDocumentsAreURLEncoded,
		"the default version of a policy is told": checkDefaultVersionIsTold,
		"a user tells groups, tags and policies":  checkUserTellsGroupsTagsAndPolicies,
		"a page of no size is refused":            checkPageOfNoSizeIsRefused,
	}
}

// The documents of the identities that a target makes; blanks, + and % tell one way of encoding from another.
const (
	firstDocument  = `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}`
	secondDocument = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "rds-db:connect", "Resource": "arn:aws:rds-db:us-east-1:123456789012:dbuser:cluster-A/a+b %é"}]}`
)

// stackIdentities makes a group with an inline policy, a user in it with a managed one, whose second version is the default, and a
// role with an inline policy, which the managed one bounds; all named after name.
func stackIdentities(stack *localaws.Stack) func(*testing.T, string) {
	return func(_ *testing.T, name string) {
		arn := func(kind string) *string {
			return aws.String("arn:aws:iam::" + localaws.AccountID + ":" + kind + "/" + name)
		}
		inline := []types.PolicyDetail{{PolicyName: aws.String("inline"), PolicyDocument: aws.String(secondDocument)}}
		attached := []types.AttachedPolicy{{PolicyArn: arn("policy"), PolicyName: &name}}
		stack.SetIAMPolicy(types.ManagedPolicyDetail{Arn: arn("policy"), PolicyName: &name, DefaultVersionId: aws.String("v2"), PolicyVersionList: []types.PolicyVersion{
			{VersionId: aws.String("v1"), Document: aws.String(firstDocument)}, {VersionId: aws.String("v2"), Document: aws.String(secondDocument), IsDefaultVersion: true}}})
		stack.SetIAMGroup(types.GroupDetail{Arn: arn("group"), GroupName: &name, GroupPolicyList: inline})
		stack.SetIAMUser(types.UserDetail{Arn: arn("user"), UserName: &name, UserId: aws.String("AIDALOCAL"), GroupList: []string{name},
			AttachedManagedPolicies: attached, Tags: []types.Tag{{Key: aws.String("Team"), Value: aws.String("blue")}}})
		stack.SetIAMRole(types.RoleDetail{Arn: arn("role"), RoleName: &name, RoleId: aws.String("AROALOCAL"), RolePolicyList: inline,
			AssumeRolePolicyDocument: aws.String(firstDocument), PermissionsBoundary: &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: arn("policy")}})
	}
}

// motoIdentities makes the same through IAM's own operations.
func motoIdentities(config aws.Config) func(*testing.T, string) {
	return func(t *testing.T, name string) {
		client := iam.NewFromConfig(config)
		must := func(_ any, err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		policy, err := client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(firstDocument)})
		if err != nil {
			t.Fatal(err)
		}
		arn := policy.Policy.Arn
		must(client.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(secondDocument), SetAsDefault: true}))
		must(client.CreateGroup(t.Context(), &iam.CreateGroupInput{GroupName: &name}))
		must(client.PutGroupPolicy(t.Context(), &iam.PutGroupPolicyInput{GroupName: &name, PolicyName: aws.String("inline"), PolicyDocument: aws.String(secondDocument)}))
		must(client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name, Tags: []types.Tag{{Key: aws.String("Team"), Value: aws.String("blue")}}}))
		must(client.AddUserToGroup(t.Context(), &iam.AddUserToGroupInput{UserName: &name, GroupName: &name}))
		must(client.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{UserName: &name, PolicyArn: arn}))
		must(client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(firstDocument), PermissionsBoundary: arn}))
		must(client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("inline"), PolicyDocument: aws.String(secondDocument)}))
	}
}

// listed is what IAM tells of the identities of one name.
type listed struct {
	user   types.UserDetail
	group  types.GroupDetail
	role   types.RoleDetail
	policy types.ManagedPolicyDetail
	pages  int
	counts int // of those found
}

// identitiesOf makes identities and reads all pages.
func identitiesOf(t *testing.T, to target) listed {
	name := unique("identity")
	to.addIdentities(t, name)
	var l listed
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(iam.NewFromConfig(to.config), &iam.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(3)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.pages++
		for _, u := range page.UserDetailList {
			if aws.ToString(u.UserName) == name {
				l.user, l.counts = u, l.counts+1
			}
		}
		for _, g := range page.GroupDetailList {
			if aws.ToString(g.GroupName) == name {
				l.group, l.counts = g, l.counts+1
			}
		}
		for _, r := range page.RoleDetailList {
			if aws.ToString(r.RoleName) == name {
				l.role, l.counts = r, l.counts+1
			}
		}
		for _, p := range page.Policies {
			if strings.HasSuffix(aws.ToString(p.Arn), "/"+name) {
				l.policy, l.counts = p, l.counts+1
			}
		}
	}
	return l
}

func checkIdentitiesComeInPages(t *testing.T, to target) {
	if l := identitiesOf(t, to); l.counts != 4 || l.pages < 2 {
		t.Errorf("found %d of 4, in %d pages", l.counts, l.pages)
	}
}

func checkDocumentsAreURLEncoded(t *testing.T, to target) {
	l := identitiesOf(t, to)
	for _, list := range [][]types.PolicyDetail{l.group.GroupPolicyList, l.role.RolePolicyList} {
		if len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		encoded := aws.ToString(list[0].PolicyDocument)
		if text, err := url.PathUnescape(encoded); err != nil || text != secondDocument || strings.ContainsAny(encoded, `{"+ `) {
			t.Errorf("%s: %v", encoded, err)
		}
	}
}

func checkDefaultVersionIsTold(t *testing.T, to target) {
	p := identitiesOf(t, to).policy
	at := slices.IndexFunc(p.PolicyVersionList, func(v types.PolicyVersion) bool { return v.IsDefaultVersion })
	if at < 0 || len(p.PolicyVersionList) != 2 || aws.ToString(p.DefaultVersionId) != aws.ToString(p.PolicyVersionList[at].VersionId) {
		t.Fatalf("%+v", p)
	}
	if text, err := url.PathUnescape(aws.ToString(p.PolicyVersionList[at].Document)); err != nil || text != secondDocument {
		t.Errorf("%s, %v", text, err)
	}
}

func checkUserTellsGroupsTagsAndPolicies(t *testing.T, to target) {
	l := identitiesOf(t, to)
	if !slices.Equal(l.user.GroupList, []string{aws.ToString(l.group.GroupName)}) || len(l.user.Tags) != 1 || aws.ToString(l.user.Tags[0].Key) != "Team" ||
		len(l.user.AttachedManagedPolicies) != 1 || aws.ToString(l.user.AttachedManagedPolicies[0].PolicyArn) != aws.ToString(l.policy.Arn) {
		t.Errorf("%+v", l.user)
	}
	if b := l.role.PermissionsBoundary; b == nil || aws.ToString(b.PermissionsBoundaryArn) != aws.ToString(l.policy.Arn) {
		t.Errorf("the role's boundary is %+v", b)
	}
}

func checkPageOfNoSizeIsRefused(t *testing.T, to target) {
	_, err := iam.NewFromConfig(to.config).GetAccountAuthorizationDetails(t.Context(), &iam.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(0)})
	awstest.WantCode(t, err, "ValidationError")
}
