package iamread

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"pgrotator/rotator/access"
)

// listing is what the pages told so far. Identities may come before the policies that are attached to them.
type listing struct {
	managed    map[string]*access.Policy // by ARN; nil = it cannot be read, which is told
	groups     map[string]*holding       // by name
	principals []identity
	unread     []string
}

// holding is what has policies, with the ARNs of those attached to it.
type holding struct {
	access.Holder
	attached []types.AttachedPolicy
}

// identity is a user or a role.
type identity struct {
	access.Principal
	holding holding
	groups  []string // by name
}

func newListing() *listing {
	return &listing{managed: map[string]*access.Policy{}, groups: map[string]*holding{}}
}

func (l *listing) add(page *iam.GetAccountAuthorizationDetailsOutput) {
	for _, p := range page.Policies {
		l.addPolicy(p)
	}
	for _, g := range page.GroupDetailList {
		h := l.holding("group", g.Arn, g.GroupPolicyList, g.AttachedManagedPolicies)
		l.groups[aws.ToString(g.GroupName)] = &h
	}
	for _, u := range page.UserDetailList {
		l.principals = append(l.principals, identity{groups: u.GroupList,
			holding:   l.holding("user", u.Arn, u.UserPolicyList, u.AttachedManagedPolicies),
			Principal: principal(false, u.UserName, u.UserId, u.Tags, u.PermissionsBoundary)})
	}
	for _, r := range page.RoleDetailList {
		found := identity{holding: l.holding("role", r.Arn, r.RolePolicyList, r.AttachedManagedPolicies),
			Principal: principal(true, r.RoleName, r.RoleId, r.Tags, r.PermissionsBoundary)}
		if r.RoleLastUsed != nil {
			found.LastUsed = aws.ToTime(r.RoleLastUsed.LastUsedDate).UTC()
		}
		l.principals = append(l.principals, found)
	}
}

func principal(role bool, name, id *string, tags []types.Tag, boundary *types.AttachedPermissionsBoundary) access.Principal {
	p := access.Principal{Role: role, Name: aws.ToString(name), ID: aws.ToString(id), Tags: map[string]string{}}
	for _, tag := range tags {
		p.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if boundary != nil {
		p.Bounded, p.BoundaryARN = true, aws.ToString(boundary.PermissionsBoundaryArn)
	}
	return p
}

// addPolicy takes in the version of a managed policy that is in force.
func (l *listing) addPolicy(p types.ManagedPolicyDetail) {
	arn := aws.ToString(p.Arn)
	at := slices.IndexFunc(p.PolicyVersionList, func(v types.PolicyVersion) bool { return v.IsDefaultVersion })
	if at < 0 {
		l.tell("IAM does not show the default version of policy %s", arn)
		l.managed[arn] = nil
		return
	}
	l.managed[arn] = l.parse(arn, p.PolicyVersionList[at].Document)
}

func (l *listing) holding(kind string, arn *string, inline []types.PolicyDetail, attached []types.AttachedPolicy) holding {
	h := holding{Holder: access.Holder{ARN: aws.ToString(arn)}, attached: attached}
	for _, p := range inline {
		name := fmt.Sprintf("inline policy %q of %s %s", aws.ToString(p.PolicyName), kind, h.ARN[strings.LastIndex(h.ARN, "/")+1:])
		if parsed := l.parse(name, p.PolicyDocument); parsed != nil {
			h.keep(*parsed)
		}
	}
	return h
}

// keep keeps a policy that says something of logins.
func (h *holding) keep(p access.Policy) {
	if len(p.Statements) > 0 {
		h.Policies = append(h.Policies, p)
	}
}

// parse reads a document, which IAM writes URL-encoded by RFC 3986; nil = it cannot be read, which is told.
func (l *listing) parse(name string, document *string) *access.Policy {
	text, err := url.PathUnescape(aws.ToString(document))
	var p access.Policy
	if err == nil {
		p, err = access.ParsePolicy(name, text)
	}
	if err != nil {
		l.tell("A policy cannot be understood (%v)", err)
		return nil
	}
	return &p
}

// tell notes what is not known.
func (l *listing) tell(format string, args ...any) {
	l.unread = append(l.unread, fmt.Sprintf(format, args...)+": who may log in by it, or may not, is not told.")
}

// account joins what belongs together, and leaves out whom nothing allows to log in.
func (l *listing) account() *access.Account {
	var a access.Account
	groups := map[string]*access.Holder{}
	for name, h := range l.groups {
		l.attach(h)
		groups[name] = &h.Holder
		if len(h.Policies) > 0 {
			a.Groups = append(a.Groups, h.Holder)
		}
	}
	for n := range l.principals {
		found := &l.principals[n]
		l.attach(&found.holding)
		l.join(found, groups)
		if allows(&found.Principal) {
			found.Boundary = l.managed[found.BoundaryARN]
			a.Principals = append(a.Principals, found.Principal)
		}
	}
	slices.SortFunc(a.Groups, func(one, other access.Holder) int { return strings.Compare(one.ARN, other.ARN) })
	slices.SortFunc(a.Principals, func(one, other access.Principal) int { return strings.Compare(one.ARN, other.ARN) })
	a.Unread = l.unread
	return &a
}

// attach adds the managed policies.
func (l *listing) attach(h *holding) {
	for _, attached := range h.attached {
		arn := aws.ToString(attached.PolicyArn)
		policy, shown := l.managed[arn]
		switch {
		case !shown:
			l.tell("IAM does not show policy %s, which is attached to %s", arn, h.ARN)
			l.managed[arn] = nil // told once
		case policy != nil:
			h.keep(*policy)
		}
	}
}

// join gives a user its groups.
func (l *listing) join(found *identity, groups map[string]*access.Holder) {
	found.Holder = found.holding.Holder
	for _, name := range found.groups {
		switch group := groups[name]; {
		case group == nil:
			l.tell("IAM does not show group %s, to which %s belongs", name, found.ARN)
		case len(group.Policies) > 0:
			found.MemberOf = append(found.MemberOf, group)
		}
	}
}

// allows reports a principal with a statement that allows logins somewhere.
func allows(p *access.Principal) bool {
	allowing := func(policy access.Policy) bool {
		return slices.ContainsFunc(policy.Statements, func(s access.Statement) bool { return !s.Deny })
	}
	return slices.ContainsFunc(p.Policies, allowing) ||
		slices.ContainsFunc(p.MemberOf, func(h *access.Holder) bool { return slices.ContainsFunc(h.Policies, allowing) })
}
