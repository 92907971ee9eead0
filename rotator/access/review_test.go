package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/access"
)

// database has two members of rds_iam, and a role that is none.
func database() access.Database {
	return access.Database{Prefix: prefix,
		Roles: []access.Role{{Name: "alice", Member: true}, {Name: "app"}, {Name: "bob", Member: true}},
		Known: map[string]string{"cluster-ABC": "orders", "cluster-DEF": "stock"}}
}

func accountOf(principals ...access.Principal) *access.Account {
	return &access.Account{Principals: principals}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	used := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	one, all := role(statementsOn(t, allow(bob))), role(statementsOn(t, `{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*",`+mfa+`}`))
	one.LastUsed, all.ARN = used, "arn:aws:iam::"+account+":role/admin"
	r := access.Of(accountOf(one, all), database())
	if !r.Complete || !r.Whole || len(r.Access) != 2 || r.Access[0].User != "alice" || r.Access[1].User != "bob" || len(r.Unreachable) != 0 {
		t.Fatalf("%+v", r)
	}
	if got := r.Access[0].Principals; len(got) != 1 || got[0].ARN != all.ARN || got[0].Statement != "All" || len(got[0].Conditions) != 1 || got[0].LastUsed != nil {
		t.Errorf("alice: %+v", got)
	}
	if got := r.Access[1].Principals; len(got) != 2 || got[0].ARN != one.ARN || len(got[0].Conditions) != 0 || !got[0].LastUsed.Equal(used) {
		t.Errorf("bob: %+v", got)
	}
	if len(r.Broad) != 1 || r.Broad[0].Principal != all.ARN || r.Broad[0].Resource != "*" || !strings.Contains(r.Broad[0].Why, "every database") {
		t.Errorf("broad: %+v", r.Broad)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	r := access.Of(accountOf(user(statementsOn(t, allow(bob)))), database())
	if !slices.Equal(r.Unreachable, []string{"alice"}) {
		t.Errorf("%v", r.Unreachable)
	}
	unread := accountOf(user(statementsOn(t, allow(bob))))
	unread.Unread = []string{"a policy cannot be read"}
	for name, r := range map[string]access.Review{"a policy cannot be read": access.Of(unread, database()), "IAM is silent": access.Unknown("IAM is silent")} {
		if r.Complete || r.Whole || len(r.Unreachable) != 0 || !slices.Contains(r.Notes, name) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	opaque := database()
	opaque.Roles = append(opaque.Roles, access.Role{Name: `jos\xe9`, Member: true, Opaque: true})
	if r := access.Of(accountOf(), opaque); slices.Contains(r.Unreachable, `jos\xe9`) || !strings.Contains(strings.Join(r.Notes, " "), "jos") {
		t.Errorf("a name that cannot be read: %+v", r)
	}
}

func TestBroad(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]string{
		"*":                         "every user of every database",
		"arn:aws:rds-db:*:*:*":      "every user of every database",
		prefix + "*":                "every user of this database",
		prefix + "?*":               "every user of this database",
		elsewhere("*", "*"):         "every user of every database",
		elsewhere("*", "bob"):       "a user of this name in every database",
		bob:                         "",
		prefix + "b*":               "",
		elsewhere("*", "nobody"):    "",
		prefix + "${saml:sub}":      "",
		elsewhere("cluster-D", "*"): "",
	} {
		r := access.Of(accountOf(role(statementsOn(t, allow(resource)))), database())
		if want == "" {
			if len(r.Broad) != 0 {
				t.Errorf("%s: %+v", resource, r.Broad)
			}
			continue
		}
		if len(r.Broad) != 1 || r.Broad[0].Resource != resource || !strings.Contains(r.Broad[0].Why, want) ||
			r.Broad[0].Everywhere != (want == "every user of every database") {
			t.Errorf("%s: %+v, want %q", resource, r.Broad, want)
		}
	}
}

// elsewhere is a user's ARN in another database of the account.
func elsewhere(id, user string) string {
	return "arn:aws:rds-db:eu-west-1:" + account + ":dbuser:" + id + "/" + user
}

func TestOrphans(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]string{
		bob:                               "",
		prefix + "app":                    "", // a role, though it does not log in by IAM
		prefix + "carol":                  `the database has no role "carol"`,
		prefix + "Bob":                    `the database has no role "Bob"`,
		prefix + "c*":                     "",
		prefix + "${aws:username}":        "",
		prefix:                            "it names no user",
		strings.TrimSuffix(prefix, "/"):   "it names no user",
		elsewhere("cluster-DEF", "carol"): "",
		elsewhere("cluster-OLD", "bob"):   `no cluster or instance of this account and Region has the resource id "cluster-OLD"`,
		elsewhere("cluster-OLD", "*"):     `no cluster or instance of this account and Region has the resource id "cluster-OLD"`,
		elsewhere("orders", "bob"):        `"orders" is the name of a database: its resource id is cluster-ABC`,
		elsewhere("prx-1", "bob"):         "",
		elsewhere("*", "carol"):           "",
		"*":                               "",
		strings.Replace(elsewhere("cluster-OLD", "bob"), "eu-west-1", "us-east-1", 1): "",
		strings.Replace(elsewhere("cluster-OLD", "bob"), "eu-west-1", "*", 1):         "",
		strings.Replace(prefix+"carol", "eu-west-1", "*", 1):                          `the database has no role "carol"`,
		strings.Replace(elsewhere("cluster-OLD", "bob"), account, "210987654321", 1):  "",
	} {
		r := access.Of(accountOf(role(statementsOn(t, allow(resource)))), database())
		if len(r.Orphans) == 1 && r.Orphans[0].Everywhere != strings.Contains(want, "resource id") {
			t.Errorf("%s: everywhere %v", resource, r.Orphans[0].Everywhere)
		}
		if want == "" && len(r.Orphans) != 0 || want != "" && (len(r.Orphans) != 1 || !strings.HasPrefix(r.Orphans[0].Why, want)) {
			t.Errorf("%s: %+v, want %q", resource, r.Orphans, want)
		}
	}
}

// A group's permission is listed once, for the group, however many users it has; a Deny is no permission.
func TestOrphansOfGroups(t *testing.T) {
	t.Parallel()
	group := access.Holder{ARN: "the group", Policies: []access.Policy{statementsOn(t, `[`+allow(prefix+"carol")+`,`+deny(prefix+"dan")+`]`)}}
	one, other := user(), user()
	one.MemberOf, other.MemberOf = []*access.Holder{&group}, []*access.Holder{&group}
	r := access.Of(&access.Account{Principals: []access.Principal{one, other}, Groups: []access.Holder{group}}, database())
	if len(r.Orphans) != 1 || r.Orphans[0].Principal != "the group" || r.Orphans[0].Resource != prefix+"carol" {
		t.Errorf("%+v", r.Orphans)
	}
}

// What is not known of databases and names is no orphan.
func TestOrphansThatCannotBeTold(t *testing.T) {
	t.Parallel()
	d := database()
	d.Known = nil
	d.Roles = append(d.Roles, access.Role{Name: `jos\xe9`, Opaque: true})
	r := access.Of(accountOf(role(statementsOn(t, allow(elsewhere("cluster-OLD", "bob"), prefix+"josé")))), d)
	if len(r.Orphans) != 0 || r.Whole || !strings.Contains(strings.Join(r.Notes, " "), "Which resource ids exist is not known") {
		t.Errorf("%+v", r)
	}
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	wide, narrow := role(statementsOn(t, allow("*"))), role(statementsOn(t, allow(prefix+"alice", bob, elsewhere("*", "b?b"))))
	wide.ARN = "wide"
	r := access.Of(accountOf(wide, narrow), database())
	got := r.Withdraw("bob")
	if len(got) != 2 || got[0].Resource != bob || !strings.Contains(got[0].Why, "alone") || got[1].Resource != elsewhere("*", "b?b") || !strings.Contains(got[1].Why, "pattern") {
		t.Errorf("%+v", got)
	}
	if got := r.Withdraw("nobody"); len(got) != 0 {
		t.Errorf("nobody: %+v", got)
	}
}

// An answer has its bound: what admits to everybody is left out first, and told.
func TestAccessIsBounded(t *testing.T) {
	t.Parallel()
	d := access.Database{Prefix: prefix}
	for n := range 600 {
		d.Roles = append(d.Roles, access.Role{Name: fmt.Sprintf("u%03d", n), Member: true})
	}
	var principals []access.Principal
	for n := range 10 {
		p := role(statementsOn(t, allow("*")))
		p.ARN = fmt.Sprintf("admin%d", n)
		principals = append(principals, p)
	}
	r := access.Of(accountOf(append(principals, user(statementsOn(t, allow(prefix+"u000"))))...), d)
	if len(r.Access) != 1 || r.Access[0].User != "u000" || len(r.Broad) != 10 || len(r.Unreachable) != 0 {
		t.Errorf("%d users, %d broad, %d unreachable", len(r.Access), len(r.Broad), len(r.Unreachable))
	}
	orphans := role(statementsOn(t, allow(func() (gone []string) {
		for n := range 2001 {
			gone = append(gone, fmt.Sprintf("%sgone%d", prefix, n))
		}
		return gone
	}()...)))
	if r := access.Of(accountOf(orphans), d); len(r.Orphans) != 2000 || r.Whole || !strings.Contains(strings.Join(r.Notes, " "), "1 statements under orphans are left out") {
		t.Errorf("%d orphans, notes %v", len(r.Orphans), r.Notes)
	}
	if !strings.Contains(strings.Join(r.Notes, " "), "6000 in all are left out") {
		t.Errorf("%v", r.Notes)
	}
}
