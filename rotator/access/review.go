package access

import (
	"fmt"
	"slices"
	"strings"

	"pgrotator/rotator/report"
)

// Database is a database with its roles, as far as a review needs them.
type Database struct {
	// Prefix is the ARN of its users without their names, "arn:aws:rds-db:eu-west-1:123456789012:dbuser:cluster-ABC/".
	Prefix string
	Roles  []Role
	// Known are the resource ids of the clusters and instances of the account and Region, with their names; nil = not known.
	Known map[string]string
}

// Role is a role of the database.
type Role struct {
	Name   string
	Member bool // of rds_iam, and one that logs in: whoever may Connect as it gets in
	Opaque bool // Name shows bytes that the session could not read
}

// Review is who may log in to a database by IAM, and what of it is not needed. Lists are empty, never null.
type Review struct {
	report.IAM
	Whole       bool         // nothing that Orphans and Broad are to hold is unknown or left out
	permissions []permission // of the members: all, but for the broad ones beyond maxAdmissions
	broad       int          // how many of them are broad, all counted
	reached     map[string]bool
	prefix      string // of the database
}

// Limits is what no review judges.
const Limits = "Not judged: policies of the organization (service control and resource control policies), session policies and session tags, " +
	"who may assume a role, the account's root user, and what people of IAM Identity Center may do beyond the roles it has made in this account. " +
	"Conditions are named, not judged."

// Bounds of a review's lists, in statements: an answer of Lambda ends at 6 MB.
const (
	maxAdmissions = 5000 // of Access
	maxFindings   = 2000 // of Orphans, and of Broad
)

// permission is one of a member's, before the review is cut to size.
type permission struct {
	user      string
	principal *Principal
	broad     bool // it admits to names that nobody has
	Permission
}

// Of reviews who may log in to a database.
func Of(a *Account, d Database) Review {
	r := empty(append([]string{Limits}, a.Unread...))
	r.Complete, r.prefix, r.reached = len(a.Unread) == 0, d.Prefix, map[string]bool{}
	for n := range a.Principals {
		j := a.Principals[n].judge()
		everybody := meant(j.permissions(d.Prefix + stranger))
		r.findBroad(j, d, everybody)
		r.findAccess(j, d, everybody)
	}
	r.findUnreachable(d)
	r.findOrphans(a, d)
	r.cut()
	r.Whole = r.Complete && d.Known != nil && len(r.Orphans) <= maxFindings && len(r.Broad) <= maxFindings
	r.Orphans, r.Broad = r.firstOf(r.Orphans, "orphans"), r.firstOf(r.Broad, "broad")
	return r
}

// firstOf bounds a list, and tells what it leaves out.
func (r *Review) firstOf(list []report.Permit, name string) []report.Permit {
	if len(list) <= maxFindings {
		return list
	}
	r.Notes = append(r.Notes, fmt.Sprintf("%d statements under %s are left out: an answer does not hold them.", len(list)-maxFindings, name))
	return list[:maxFindings]
}

// Unknown is the review where IAM did not tell.
func Unknown(why string) Review { return empty([]string{why}) }

func empty(notes []string) Review {
	return Review{IAM: report.IAM{Access: []report.Access{}, Orphans: []report.Permit{}, Unreachable: []string{}, Broad: []report.Permit{}, Failed: []report.Failures{}, Notes: notes}}
}

// stranger is a user's name that nobody has: who may log in as it may log in as anybody.
const stranger = "a name that nobody has"

// elsewhere is a database that does not exist.
const elsewhere = "cluster-THATNOBODYHAS"

// meant leaves out what a session decides.
func meant(list []Permission) []Permission {
	return slices.DeleteFunc(list, func(p Permission) bool { return p.Open })
}

// findBroad lists the statements that admit a principal to names, or to databases, that nobody meant. everybody are those that
// admit to any name of this one.
func (r *Review) findBroad(j *judge, d Database, everybody []Permission) {
	everywhere := other(d.Prefix)
	anywhere := meant(j.permissions(everywhere + stranger))
	for _, found := range everybody {
		wrong := fault{why: "it admits to every user of this database"}
		if slices.ContainsFunc(anywhere, found.same) {
			wrong = fault{"it admits to every user of every database", true}
		}
		r.Broad = addPermit(r.Broad, found, wrong)
	}
	for _, role := range d.Roles {
		if !role.Member {
			continue
		}
		for _, found := range meant(j.permissions(everywhere + role.Name)) {
			if !slices.ContainsFunc(everybody, found.same) && !slices.ContainsFunc(anywhere, found.same) {
				r.Broad = addPermit(r.Broad, found, fault{why: "it admits to a user of this name in every database"})
			}
		}
	}
}

// other is the prefix of a database of the same account and Region that does not exist.
func other(prefix string) string {
	parts := strings.SplitN(prefix, ":", 7)
	if len(parts) < 7 {
		return prefix
	}
	return strings.Join(parts[:6], ":") + ":" + elsewhere + "/"
}

// fault is what is wrong with a permission.
type fault struct {
	why        string // "" = nothing
	everywhere bool   // it is so whichever database of the account is reviewed
}

func (p Permission) same(q Permission) bool {
	return p.Holder == q.Holder && p.Policy == q.Policy && p.Statement == q.Statement
}

// addPermit adds a permission, unless it is there: a group's is found with each of its users.
func addPermit(list []report.Permit, p Permission, f fault) []report.Permit {
	for _, resource := range p.Resources {
		f := report.Permit{Principal: p.Holder, Policy: p.Policy, Statement: p.Statement, Resource: resource, Why: f.why, Everywhere: f.everywhere}
		if !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}

// findAccess notes for each member of rds_iam by what the principal may log in as it.
func (r *Review) findAccess(j *judge, d Database, everybody []Permission) {
	for _, role := range d.Roles {
		if !role.Member || role.Opaque {
			continue
		}
		for _, found := range j.permissions(d.Prefix + role.Name) {
			r.reached[role.Name] = true
			broad := slices.ContainsFunc(everybody, found.same)
			if broad {
				r.broad++
			}
			if !broad || r.broad <= maxAdmissions {
				r.permissions = append(r.permissions, permission{role.Name, j.principal, broad, found})
			}
		}
	}
}

// findUnreachable lists the members of rds_iam whom nobody may log in as. Where a policy could not be read, it may be the one.
func (r *Review) findUnreachable(d Database) {
	for _, role := range d.Roles {
		switch {
		case !role.Member:
		case role.Opaque:
			r.Notes = append(r.Notes, fmt.Sprintf("The name of role %q cannot be read in this database's encoding: who may log in as it is not told.", role.Name))
		case r.Complete && !r.reached[role.Name]:
			r.Unreachable = append(r.Unreachable, role.Name)
		}
	}
}

// cut fills Access. Where that were more than an answer holds, it leaves out the statements that Broad has, which admit everybody.
func (r *Review) cut() {
	slices.SortStableFunc(r.permissions, func(a, b permission) int { return strings.Compare(a.user, b.user) })
	listed := r.permissions
	if len(listed) > maxAdmissions || r.broad > maxAdmissions {
		listed = slices.DeleteFunc(slices.Clone(listed), func(p permission) bool { return p.broad })
		r.Notes = append(r.Notes, fmt.Sprintf("The statements under broad admit to each of these users, and are not repeated there: %d in all are left out.",
			r.broad))
	}
	if left := len(listed) - maxAdmissions; left > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d more statements admit to users of this database than an answer holds.", left))
		listed = listed[:maxAdmissions]
	}
	for _, p := range listed {
		r.list(p)
	}
}

func (r *Review) list(p permission) {
	admission := report.Principal{ARN: p.principal.ARN, Policy: p.Policy, Statement: p.Statement, Conditions: append([]string{}, p.Conditions...)}
	if !p.principal.LastUsed.IsZero() {
		admission.LastUsed = &p.principal.LastUsed
	}
	if last := len(r.Access) - 1; last >= 0 && r.Access[last].User == p.user {
		r.Access[last].Principals = append(r.Access[last].Principals, admission)
		return
	}
	r.Access = append(r.Access, report.Access{User: p.user, Principals: []report.Principal{admission}})
}

// Withdraw lists the statements to take back when a member of rds_iam is closed: those that admit to it, but for those that admit
// to everybody, which Broad has.
func (r *Review) Withdraw(user string) []report.Permit {
	var list []report.Permit
	for _, p := range r.permissions {
		if p.user != user || p.broad {
			continue
		}
		for _, resource := range p.Resources {
			why := "it admits to the closed role alone"
			if resource != r.prefix+user {
				why = "it admits to the closed role, and by a pattern: see whom else it admits to before you take it back"
			}
			one := p.Permission
			one.Resources = []string{resource}
			list = addPermit(list, one, fault{why: why})
		}
	}
	return list
}
