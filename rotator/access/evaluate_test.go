package access_test

import (
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/access"
)

const (
	account = "123456789012"
	prefix  = "arn:aws:rds-db:eu-west-1:123456789012:dbuser:cluster-ABC/"
	bob     = prefix + "bob"
)

// statementsOn is a policy of the newest version with these statements.
func statementsOn(t *testing.T, statements string) access.Policy {
	t.Helper()
	return policyOf(t, `{"Version":"2012-10-17","Statement":`+statements+`}`)
}

func policyOf(t *testing.T, text string) access.Policy {
	t.Helper()
	p, err := access.ParsePolicy("the policy", text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// allow is a statement that allows Connect on resources.
func allow(resources ...string) string {
	return `{"Effect":"Allow","Action":"rds-db:connect","Resource":["` + strings.Join(resources, `","`) + `"]}`
}

func deny(resource string) string {
	return `{"Sid":"No","Effect":"Deny","Action":"rds-db:connect","Resource":"` + resource + `"}`
}

const mfa = `"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`

func user(policies ...access.Policy) access.Principal {
	return access.Principal{Holder: access.Holder{ARN: "arn:aws:iam::" + account + ":user/people/alice", Policies: policies}, Name: "alice", ID: "AIDA1"}
}

func role(policies ...access.Policy) access.Principal {
	return access.Principal{Holder: access.Holder{ARN: "arn:aws:iam::" + account + ":role/app", Policies: policies}, Role: true, Name: "app", ID: "AROA1"}
}

// outcomes of a question
const (
	refused     = "refused"
	allowed     = "allowed"
	conditional = "conditional"
)

func outcome(p access.Principal, resource string) string {
	list := p.Permissions(resource)
	if len(list) == 0 {
		return refused
	}
	if slices.ContainsFunc(list, func(p access.Permission) bool { return len(p.Conditions) == 0 }) {
		return allowed
	}
	return conditional
}

// The cases of "Policy evaluation logic" that concern identity policies and boundaries, and of the pages on each element.
func TestStatements(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ statements, resource, want string }{
		"nothing allows":                         {`[]`, bob, refused},
		"its resource":                           {allow(bob), bob, allowed},
		"one of several resources":               {allow(prefix+"x", bob), bob, allowed},
		"another user's":                         {allow(bob), prefix + "bobby", refused},
		"case of a user's name":                  {allow(bob), prefix + "Bob", refused},
		"another database's":                     {allow(bob), strings.Replace(bob, "ABC", "DEF", 1), refused},
		"a statement that is an object":          {allow(bob), bob, allowed},
		"statements in a list":                   {`[` + allow(prefix+"x") + `,` + allow(bob) + `]`, bob, allowed},
		"everything":                             {`{"Effect":"Allow","Action":"*","Resource":"*"}`, bob, allowed},
		"an action in another case":              {`{"Effect":"Allow","Action":"RDS-DB:Connect","Resource":"*"}`, bob, allowed},
		"actions of the service":                 {`{"Effect":"Allow","Action":["s3:*","rds-db:*"],"Resource":"*"}`, bob, allowed},
		"an action with ?":                       {`{"Effect":"Allow","Action":"rds-db:conn?ct","Resource":"*"}`, bob, allowed},
		"rds is not rds-db":                      {`{"Effect":"Allow","Action":"rds:*","Resource":"*"}`, bob, refused},
		"NotAction of another service":           {`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, bob, allowed},
		"NotAction of this one":                  {`{"Effect":"Allow","NotAction":["iam:*","rds-db:*"],"Resource":"*"}`, bob, refused},
		"NotResource of others":                  {`{"Effect":"Allow","Action":"*","NotResource":"` + prefix + `admin"}`, bob, allowed},
		"NotResource of this one":                {`{"Effect":"Allow","Action":"*","NotResource":["` + prefix + `b*","x"]}`, bob, refused},
		"deny before allow":                      {`[` + deny(bob) + `,` + allow(bob) + `]`, bob, refused},
		"allow before deny":                      {`[` + allow(bob) + `,` + deny(bob) + `]`, bob, refused},
		"a deny of another user":                 {`[` + allow(prefix+"*") + `,` + deny(prefix+"x") + `]`, bob, allowed},
		"a deny of everything but this":          {`[` + allow("*") + `,{"Effect":"Deny","Action":"*","NotResource":"` + bob + `"}]`, bob, allowed},
		"a deny of everything but another":       {`[` + allow("*") + `,{"Effect":"Deny","Action":"*","NotResource":"` + prefix + `x"}]`, bob, refused},
		"a deny by NotAction":                    {`[` + allow("*") + `,{"Effect":"Deny","NotAction":"s3:*","Resource":"*"}]`, bob, refused},
		"a deny of another service":              {`[` + allow("*") + `,{"Effect":"Deny","Action":"rds:*","Resource":"*"}]`, bob, allowed},
		"a conditional allow":                    {`{"Effect":"Allow","Action":"*","Resource":"*",` + mfa + `}`, bob, conditional},
		"a conditional deny":                     {`[` + allow("*") + `,{"Effect":"Deny","Action":"*","Resource":"*",` + mfa + `}]`, bob, conditional},
		"a conditional deny that does not match": {`[` + allow("*") + `,{"Effect":"Deny","Action":"*","Resource":"x",` + mfa + `}]`, bob, allowed},
		"conditional and unconditional":          {`[` + allow("*") + `,{"Effect":"Allow","Action":"*","Resource":"*",` + mfa + `}]`, bob, allowed},

		"* in the user":                     {allow(prefix + "b*"), bob, allowed},
		"* for no text":                     {allow(prefix + "bob*"), bob, allowed},
		"? for one character":               {allow(prefix + "b?b"), bob, allowed},
		"? for one character of two bytes":  {allow(prefix + "jos?"), prefix + "josé", allowed},
		"? is not none":                     {allow(prefix + "bob?"), bob, refused},
		"* across the slash":                {allow("arn:aws:rds-db:eu-west-1:" + account + ":dbuser:*bob"), bob, allowed},
		"* for the database":                {allow("arn:aws:rds-db:eu-west-1:" + account + ":dbuser:*/bob"), bob, allowed},
		"* for the Region":                  {allow("arn:aws:rds-db:*:" + account + ":dbuser:cluster-ABC/bob"), bob, allowed},
		"* at the end of a segment reaches": {allow("arn:aws:rds-db:*"), bob, allowed},
		"* inside a segment does not":       {allow("arn:aws:rds-db:eu*-1/bob"), bob, refused},
		"? is no colon":                     {allow(prefix + "a?b"), prefix + "a:b", refused},
		"names with slashes and colons":     {allow(prefix + "a/b:*"), prefix + "a/b:c/d", allowed},
		"another partition":                 {allow(strings.Replace(bob, "arn:aws:", "arn:aws-cn:", 1)), bob, refused},
		"many stars":                        {allow(prefix + strings.Repeat("*a", 40)), prefix + strings.Repeat("a", 39) + "b", refused},
		"a name that holds a star":          {allow(prefix + "${*}"), prefix + "*", allowed},
		"${*} is no wildcard":               {allow(prefix + "${*}"), bob, refused},
		"${?} and ${$}":                     {allow(prefix + "${?}${$}"), prefix + "?$", allowed},
		"a variable that is not closed":     {allow(prefix + "${aws:username"), prefix + "${aws:username", allowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, p := range []access.Principal{user(statementsOn(t, c.statements)), role(statementsOn(t, c.statements))} {
				if got := outcome(p, c.resource); got != c.want {
					t.Errorf("%s: %s, want %s", p.ARN, got, c.want)
				}
			}
		})
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	tagged := map[string]string{"DbUser": "bob", "team": "*"}
	for name, c := range map[string]struct{ resource, user, ofUser, ofRole string }{
		"the user's own name":            {"${aws:username}", "alice", allowed, refused},
		"another user's name":            {"${aws:username}", "bob", refused, refused},
		"a part of a name":               {"db_${aws:username}_rw", "db_alice_rw", allowed, refused},
		"case of a variable's name":      {"${AWS:UserName}", "alice", allowed, refused},
		"a default, where there is none": {"${aws:username, 'app'}", "app", refused, allowed},
		"a default that is not needed":   {"${aws:username, 'app'}", "alice", allowed, refused},
		"the id of a user":               {"${aws:userid}", "AIDA1", allowed, refused},
		"the id of a role's session":     {"${aws:userid}", "AROA1:bob", refused, conditional},
		"the account":                    {"${aws:PrincipalAccount}", account, allowed, allowed},
		"a tag":                          {"${aws:PrincipalTag/dbuser}", "bob", allowed, allowed},
		"another value of a tag":         {"${aws:PrincipalTag/dbuser}", "eve", refused, conditional},
		"a tag that is not there":        {"${aws:PrincipalTag/none}", "bob", refused, conditional},
		"a tag that is a wildcard":       {"${aws:PrincipalTag/team}", "bob", refused, conditional},
		"what only the session knows":    {"${saml:sub}", "bob", conditional, conditional},
		"a part that cannot be":          {"x${saml:sub}", "bob", refused, refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := statementsOn(t, allow(prefix+c.resource))
			ofUser, ofRole := user(policy), role(policy)
			ofUser.Tags, ofRole.Tags = tagged, tagged
			if got := outcome(ofUser, prefix+c.user); got != c.ofUser {
				t.Errorf("a user is %s, want %s", got, c.ofUser)
			}
			if got := outcome(ofRole, prefix+c.user); got != c.ofRole {
				t.Errorf("a role is %s, want %s", got, c.ofRole)
			}
		})
	}
}

// Policies of the older version, which is that of those that tell none, have no variables.
func TestOlderVersionHasNoVariables(t *testing.T) {
	t.Parallel()
	for _, version := range []string{``, `"Version":"2008-10-17",`} {
		p := user(policyOf(t, `{`+version+`"Statement":`+allow(prefix+"${aws:username}")+`}`))
		if got := outcome(p, prefix+"alice"); got != refused {
			t.Errorf("with %q alice is %s", version, got)
		}
		if got := outcome(p, prefix+"${aws:username}"); got != allowed {
			t.Errorf("with %q the literal name is %s", version, got)
		}
	}
}

func TestDenyThatDependsOnTheSession(t *testing.T) {
	t.Parallel()
	p := role(statementsOn(t, `[`+allow(prefix+"*")+`,`+deny(prefix+"${aws:PrincipalTag/never}")+`]`))
	list := p.Permissions(bob)
	if len(list) != 1 || len(list[0].Conditions) != 1 || !strings.Contains(list[0].Conditions[0], "unless No of the policy denies it") {
		t.Errorf("%+v", list)
	}
}

// A session may bring another tag than its role has, so a refusal by the role's own is not certain; a user's is.
func TestRefusalByTag(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string]string{
		"Deny":        `[` + allow(prefix+"*") + `,` + deny(prefix+"${aws:PrincipalTag/not}") + `]`,
		"NotResource": `{"Effect":"Allow","Action":"*","NotResource":"` + prefix + `${aws:PrincipalTag/not}"}`,
	} {
		ofUser, ofRole := user(statementsOn(t, statements)), role(statementsOn(t, statements))
		ofUser.Tags, ofRole.Tags = map[string]string{"not": "bob"}, map[string]string{"not": "bob"}
		if got := outcome(ofUser, bob); got != refused {
			t.Errorf("%s: a user is %s", name, got)
		}
		if got := outcome(ofRole, bob); got != conditional {
			t.Errorf("%s: a role is %s", name, got)
		}
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	p := user()
	p.MemberOf = []*access.Holder{{ARN: "the group", Policies: []access.Policy{statementsOn(t, allow(bob))}}}
	if list := p.Permissions(bob); len(list) != 1 || list[0].Holder != "the group" {
		t.Errorf("%+v", list)
	}
	p.MemberOf = append(p.MemberOf, &access.Holder{ARN: "another", Policies: []access.Policy{statementsOn(t, deny(bob))}})
	if got := outcome(p, bob); got != refused {
		t.Errorf("with a group that is denied: %s", got)
	}
}

func TestBoundaries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ own, boundary, want string }{
		"both allow":                    {allow(bob), allow(prefix + "*"), allowed},
		"a boundary alone":              {`[]`, allow("*"), refused},
		"a boundary without":            {allow(bob), `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, refused},
		"an empty boundary":             {allow(bob), `[]`, refused},
		"a boundary of others":          {allow(bob), allow(prefix + "x"), refused},
		"a boundary that denies":        {allow(bob), `[` + allow("*") + `,` + deny(bob) + `]`, refused},
		"a boundary's condition":        {allow(bob), `{"Effect":"Allow","Action":"*","Resource":"*",` + mfa + `}`, conditional},
		"a boundary, with and without":  {allow(bob), `[{"Effect":"Allow","Action":"*","Resource":"*",` + mfa + `},` + allow("*") + `]`, allowed},
		"a boundary's conditional deny": {allow(bob), `[` + allow("*") + `,{"Effect":"Deny","Action":"*","Resource":"*",` + mfa + `}]`, conditional},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, boundary := role(statementsOn(t, c.own)), statementsOn(t, c.boundary)
			p.Bounded, p.Boundary = true, &boundary
			if got := outcome(p, bob); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	p := role(statementsOn(t, allow(bob)))
	p.Bounded, p.BoundaryARN = true, "arn:aws:iam::aws:policy/Unseen"
	if list := p.Permissions(bob); len(list) != 1 || !strings.Contains(list[0].Conditions[0], "arn:aws:iam::aws:policy/Unseen must allow it") {
		t.Errorf("with a boundary that IAM did not show: %+v", list)
	}
}

// What a reader of the report gets to see of a statement.
func TestPermissionNamesItsStatement(t *testing.T) {
	t.Parallel()
	p := user(statementsOn(t, `[{"Effect":"Allow","Action":"s3:*","Resource":"*"},`+allow(prefix+"x", bob)+`,
		{"Sid":"ByNight","Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8"]},"StringEquals":{"aws:PrincipalTag/a":"b"}}}]`))
	list := p.Permissions(bob)
	if len(list) != 2 || list[0].Statement != "statement 2" || !slices.Equal(list[0].Resources, []string{bob}) || list[0].Policy != "the policy" {
		t.Fatalf("%+v", list)
	}
	want := []string{`IpAddress aws:SourceIp ["10.0.0.0/8"] (IAM database authentication does not support this key)`, `StringEquals aws:PrincipalTag/a "b"`}
	if list[1].Statement != "ByNight" || !slices.Equal(list[1].Conditions, want) {
		t.Errorf("%+v", list[1])
	}
}

func TestUnreadablePolicies(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `{`, `[]`, `"x"`, `{"Statement":"x"}`, `{}`, `null`, `{"Statement":null}`, `{"Statement":[]} x`, `{"Statement":{"Effect":"Maybe","Action":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Resource":"*"}}`, `{"Statement":{"Effect":"Allow","Action":"*"}}`,
		`{"Statement":{"Effect":"Allow","Action":1,"Resource":"*"}}`, `{"Statement":{"Effect":"Allow","Action":"*","Resource":{}}}`,
		`{"Statement":{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}}`, `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":"x"}}`} {
		if _, err := access.ParsePolicy("p", text); err == nil || !strings.Contains(err.Error(), "p") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
