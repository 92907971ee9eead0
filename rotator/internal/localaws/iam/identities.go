// Package iam stands in for the part of AWS IAM that lists an account's identities with their policies. No policy is enforced.
package iam

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// Identities are the users, groups, roles and managed policies of the account, by name or ARN. Their documents are plain JSON; the
// API gives them URL-encoded.
type Identities struct {
	mu       sync.Mutex
	users    map[string]types.UserDetail
	groups   map[string]types.GroupDetail
	roles    map[string]types.RoleDetail
	policies map[string]types.ManagedPolicyDetail
}

// New is an account without identities.
func New() *Identities {
	return &Identities{users: map[string]types.UserDetail{}, groups: map[string]types.GroupDetail{},
		roles: map[string]types.RoleDetail{}, policies: map[string]types.ManagedPolicyDetail{}}
}

// SetIAMUser has IAM tell of a user from now on, in place of any of its UserName.
func (i *Identities) SetIAMUser(u types.UserDetail) {
	i.mu.Lock()
	defer i.mu.Unlock()
	u.UserPolicyList = encodeInline(u.UserPolicyList)
	i.users[aws.ToString(u.UserName)] = u
}

// SetIAMGroup has IAM tell of a group from now on, in place of any of its GroupName.
func (i *Identities) SetIAMGroup(g types.GroupDetail) {
	i.mu.Lock()
	defer i.mu.Unlock()
	g.GroupPolicyList = encodeInline(g.GroupPolicyList)
	i.groups[aws.ToString(g.GroupName)] = g
}

// SetIAMRole has IAM tell of a role from now on, in place of any of its RoleName.
func (i *Identities) SetIAMRole(r types.RoleDetail) {
	i.mu.Lock()
	defer i.mu.Unlock()
	r.RolePolicyList = encodeInline(r.RolePolicyList)
	r.AssumeRolePolicyDocument = encode(r.AssumeRolePolicyDocument)
	i.roles[aws.ToString(r.RoleName)] = r
}

// SetIAMPolicy has IAM tell of a managed policy from now on, in place of any of its Arn.
func (i *Identities) SetIAMPolicy(p types.ManagedPolicyDetail) {
	i.mu.Lock()
	defer i.mu.Unlock()
	p.PolicyVersionList = slices.Clone(p.PolicyVersionList)
	for n := range p.PolicyVersionList {
		p.PolicyVersionList[n].Document = encode(p.PolicyVersionList[n].Document)
	}
	i.policies[aws.ToString(p.Arn)] = p
}

func encodeInline(list []types.PolicyDetail) []types.PolicyDetail {
	list = slices.Clone(list)
	for n := range list {
		list[n].PolicyDocument = encode(list[n].PolicyDocument)
	}
	return list
}

// encode is URL encoding by RFC 3986, in which a blank is %20.
func encode(document *string) *string {
	if document == nil {
		return nil
	}
	return aws.String(strings.ReplaceAll(url.QueryEscape(*document), "+", "%20"))
}

// Service is the API of i.
func (i *Identities) Service() *protocol.Service {
	return protocol.NewQueryService("iam", "https://iam.amazonaws.com/doc/2010-05-08/", map[string]protocol.Operation{
		"GetAccountAuthorizationDetails": i.authorizationDetails,
	})
}

// details is GetAccountAuthorizationDetails's output.
type details struct {
	UserDetailList  []types.UserDetail
	GroupDetailList []types.GroupDetail
	RoleDetailList  []types.RoleDetail
	Policies        []types.ManagedPolicyDetail
	IsTruncated     bool
	Marker          *string
}

// authorizationDetails answers a page of all, of 1 to 1,000 entries, 100 unless told; the marker is the number of the first.
func (i *Identities) authorizationDetails(r protocol.Request) (any, error) {
	size, first := 100, 0
	var err error
	if text := r.Form.Get("MaxItems"); text != "" {
		size, err = strconv.Atoi(text)
	}
	if text := r.Form.Get("Marker"); text != "" && err == nil {
		first, err = strconv.Atoi(text)
	}
	if err != nil || size < 1 || size > 1000 || first < 0 {
		return nil, &protocol.Error{Code: "ValidationError", Status: 400, Message: "MaxItems or Marker is invalid."}
	}
	return i.page(first, size), nil
}

func (i *Identities) page(first, size int) details {
	i.mu.Lock()
	defer i.mu.Unlock()
	p := pager{first: first, last: first + size}
	out := details{UserDetailList: cut(&p, i.users), GroupDetailList: cut(&p, i.groups), RoleDetailList: cut(&p, i.roles), Policies: cut(&p, i.policies)}
	if out.IsTruncated = p.seen > p.last; out.IsTruncated {
		out.Marker = aws.String(strconv.Itoa(p.last))
	}
	return out
}

// pager counts entries through several lists.
type pager struct{ first, last, seen int }

// cut picks of a list, by name, what is on the page.
func cut[T any](p *pager, all map[string]T) []T {
	list := []T{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if p.seen >= p.first && p.seen < p.last {
			list = append(list, all[name])
		}
		p.seen++
	}
	return list
}
