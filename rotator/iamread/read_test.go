package iamread_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"pgrotator/rotator/access"
	"pgrotator/rotator/iamread"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

const (
	bob     = "arn:aws:rds-db:us-east-1:123456789012:dbuser:cluster-A/bob"
	allowed = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"rds-db:connect","Resource":"` + bob + `"}}`
	other   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
)

func arn(kind, name string) *string {
	return aws.String("arn:aws:iam::" + localaws.AccountID + ":" + kind + "/team/" + name)
}

func inline(document string) []types.PolicyDetail {
	return []types.PolicyDetail{{PolicyName: aws.String("db"), PolicyDocument: &document}}
}

func attached(name string) []types.AttachedPolicy {
	return []types.AttachedPolicy{{PolicyArn: arn("policy", name)}}
}

// managed is a policy whose default version is the last.
func managed(name string, documents ...string) types.ManagedPolicyDetail {
	p := types.ManagedPolicyDetail{Arn: arn("policy", name), PolicyName: &name}
	for n := range documents {
		p.PolicyVersionList = append(p.PolicyVersionList, types.PolicyVersion{Document: &documents[n], IsDefaultVersion: n == len(documents)-1})
	}
	return p
}

func setUser(s *localaws.Stack, name string, change func(*types.UserDetail)) {
	u := types.UserDetail{Arn: arn("user", name), UserName: &name, UserId: aws.String("AIDA" + name)}
	change(&u)
	s.SetIAMUser(u)
}

func setRole(s *localaws.Stack, name string, change func(*types.RoleDetail)) {
	r := types.RoleDetail{Arn: arn("role", name), RoleName: &name, RoleId: aws.String("AROA" + name)}
	change(&r)
	s.SetIAMRole(r)
}

func read(t *testing.T, s *localaws.Stack) *access.Account {
	t.Helper()
	a, err := iamread.Read(t.Context(), iam.NewFromConfig(s.Config()))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// admitted lists who may log in as bob, by the last part of their ARN, and by which policy.
func admitted(a *access.Account) string {
	var list []string
	for _, p := range a.Principals {
		for _, found := range p.Permissions(bob) {
			list = append(list, fmt.Sprintf("%s by %s%s", p.Name, found.Policy, strings.Join(found.Conditions, ";")))
		}
	}
	return strings.Join(list, "\n")
}

func TestWhoIsRead(t *testing.T) {
	t.Parallel()
	s := awstest.Start(t)
	s.SetIAMPolicy(managed("now", other, allowed))
	s.SetIAMPolicy(managed("formerly", allowed, other))
	s.SetIAMPolicy(managed("none", other))
	s.SetIAMGroup(types.GroupDetail{Arn: arn("group", "dba"), GroupName: aws.String("dba"), GroupPolicyList: inline(allowed), AttachedManagedPolicies: attached("now")})
	setUser(s, "ann", func(u *types.UserDetail) { u.UserPolicyList = inline(allowed) })
	setUser(s, "ben", func(u *types.UserDetail) { u.AttachedManagedPolicies = attached("now") })
	setUser(s, "cat", func(u *types.UserDetail) { u.AttachedManagedPolicies = attached("formerly") })
	setUser(s, "dan", func(u *types.UserDetail) { u.GroupList = []string{"dba"} })
	setUser(s, "eve", func(*types.UserDetail) {})
	used := time.Date(2026, 10, 1, 2, 3, 4, 0, time.UTC)
	setRole(s, "app", func(r *types.RoleDetail) {
		r.RolePolicyList, r.RoleLastUsed = inline(allowed), &types.RoleLastUsed{LastUsedDate: &used, Region: aws.String("us-east-1")}
	})
	bounded := func(policy string) func(*types.RoleDetail) {
		return func(r *types.RoleDetail) {
			r.RolePolicyList, r.PermissionsBoundary = inline(allowed), &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: arn("policy", policy)}
		}
	}
	setRole(s, "bounded", bounded("none"))
	setRole(s, "inbounds", bounded("now"))
	setRole(s, "unseen", bounded("missing"))
	setRole(s, "tagged", func(r *types.RoleDetail) {
		r.RolePolicyList = inline(strings.Replace(allowed, "/bob", "/${aws:PrincipalTag/User}", 1))
		r.Tags = []types.Tag{{Key: aws.String("user"), Value: aws.String("bob")}}
	})
	a := read(t, s)
	now := *arn("policy", "now")
	want := strings.Join([]string{
		`app by inline policy "db" of role app`,
		`inbounds by inline policy "db" of role inbounds`,
		`tagged by inline policy "db" of role tagged`,
		`unseen by inline policy "db" of role unseenits permission boundary ` + *arn("policy", "missing") + ` must allow it, which IAM did not show`,
		`ann by inline policy "db" of user ann`,
		`ben by ` + now,
		`dan by inline policy "db" of group dba`,
		`dan by ` + now,
	}, "\n")
	if got := admitted(a); got != want {
		t.Errorf("admitted are\n%s\nwant\n%s", got, want)
	}
	if len(a.Unread) != 0 || len(a.Groups) != 1 || !a.Principals[0].LastUsed.Equal(used) {
		t.Errorf("%d groups, app last used %s, unread %q", len(a.Groups), a.Principals[0].LastUsed, a.Unread)
	}
}

// The pages hang together: identities come before their policies, and more of both than a page holds.
func TestManyPages(t *testing.T) {
	t.Parallel()
	s := awstest.Start(t)
	for n := range 450 {
		name := fmt.Sprintf("n%03d", n)
		s.SetIAMPolicy(managed(name, allowed))
		setUser(s, name, func(u *types.UserDetail) { u.AttachedManagedPolicies = attached(name) })
	}
	if a := read(t, s); len(a.Principals) != 450 || strings.Count(admitted(a), " by ") != 450 || len(a.Unread) != 0 {
		t.Errorf("%d principals, unread %q", len(a.Principals), a.Unread)
	}
}

// What IAM shows and nobody can understand is told: it may be what lets somebody in.
func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := awstest.Start(t)
	s.SetIAMPolicy(managed("versionless"))
	s.SetIAMPolicy(managed("garbled", `{"Statement":`))
	setUser(s, "ann", func(u *types.UserDetail) { u.AttachedManagedPolicies = attached("versionless") })
	setUser(s, "ben", func(u *types.UserDetail) { u.AttachedManagedPolicies = attached("garbled") })
	setUser(s, "cat", func(u *types.UserDetail) { u.AttachedManagedPolicies = attached("missing") })
	setUser(s, "dan", func(u *types.UserDetail) { u.UserPolicyList = inline(`%7B"`) })
	setUser(s, "eve", func(u *types.UserDetail) { u.GroupList = []string{"missing"} })
	a := read(t, s)
	for _, want := range []string{"default version of policy " + *arn("policy", "versionless"), "reading " + *arn("policy", "garbled"),
		"policy " + *arn("policy", "missing"), `inline policy "db" of user dan`, "group missing"} {
		if strings.Count(strings.Join(a.Unread, "\n"), want) != 1 {
			t.Errorf("%q is not told once in %q", want, a.Unread)
		}
	}
}

// Half an answer is none.
func TestReadFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome localaws.Outcome
		want    string
	}{
		"refused":   {localaws.Fail("AccessDenied", 403), "the function's role, or the one at ASSUME_ROLE_ARN, must allow it"},
		"throttled": {localaws.Throttle, "Throttling"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Start(t)
			for n := range 300 {
				setUser(s, fmt.Sprintf("n%03d", n), func(u *types.UserDetail) { u.UserPolicyList = inline(allowed) })
			}
			calls := 0
			s.Intercept(func(localaws.Call) localaws.Outcome {
				if calls++; calls == 1 {
					return localaws.Pass
				}
				return c.outcome
			})
			client := iam.NewFromConfig(s.Config(), func(o *iam.Options) { o.RetryMaxAttempts = 1 })
			if a, err := iamread.Read(t.Context(), client); err == nil || a != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

// IAM says that there is more and not where: the rest must not be taken for nothing.
func TestListingThatBreaksOff(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult><IsTruncated>true</IsTruncated>`+
			`</GetAccountAuthorizationDetailsResult></GetAccountAuthorizationDetailsResponse>`)
	}))
	defer server.Close()
	client := iam.New(iam.Options{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	if a, err := iamread.Read(t.Context(), client); err == nil || a != nil || !strings.Contains(err.Error(), "not where it goes on") {
		t.Errorf("%+v, %v", a, err)
	}
}
