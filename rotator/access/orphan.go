package access

import (
	"fmt"
	"slices"
	"strings"
)

// findOrphans lists what is allowed on users that the database does not have, and on databases that no longer exist. A pattern is
// no orphan of one user; a resource of another account or Region cannot be looked up from here.
func (r *Review) findOrphans(a *Account, d Database) {
	if d.Known == nil {
		r.Notes = append(r.Notes, "Which resource ids exist is not known, so permissions on databases that no longer exist are not told.")
	}
	for n := range a.Principals {
		r.orphansOf(&a.Principals[n].Holder, d)
	}
	for n := range a.Groups {
		r.orphansOf(&a.Groups[n], d)
	}
}

func (r *Review) orphansOf(h *Holder, d Database) {
	for _, policy := range h.Policies {
		for _, s := range policy.Statements {
			if s.Deny || s.Except {
				continue
			}
			for _, written := range s.Resources {
				if wrong := r.orphan(written, d); wrong.why != "" {
					r.Orphans = addPermit(r.Orphans, Permission{Holder: h.ARN, Policy: policy.Name, Statement: s.Name, Resources: []string{written}}, wrong)
				}
			}
		}
	}
}

// orphan says why a resource admits nobody, and nothing where it may.
func (r *Review) orphan(written string, d Database) fault {
	own, target := strings.SplitN(d.Prefix, ":", 7), strings.SplitN(written, ":", 7)
	if len(target) < 7 || len(own) < 7 || target[5] != "dbuser" {
		return fault{}
	}
	if !sameOrPattern(target[3], own[3]) || !sameOrPattern(target[4], own[4]) {
		r.noteOnce("Permissions on databases of other Regions and accounts are not looked up.")
		return fault{}
	}
	id, user, found := strings.Cut(target[6], "/")
	switch {
	case isPattern(id):
		return fault{}
	case strings.HasPrefix(id, "prx-"):
		r.noteOnce("Permissions on RDS Proxies (prx-…) are not looked up.")
		return fault{}
	case id+"/" == own[6]:
		return fault{why: d.missing(user, found)}
	case target[3] != own[3] || d.Known == nil:
		return fault{}
	}
	return fault{d.gone(id), true}
}

// missing says why nobody can be a user of this database.
func (d Database) missing(user string, named bool) string {
	switch {
	case !named || user == "":
		return "it names no user: rds-db:connect is on …:dbuser:RESOURCE-ID/USER"
	case isPattern(user) || slices.ContainsFunc(d.Roles, func(r Role) bool { return r.Name == user || r.Opaque && !ascii(user) }):
		return ""
	}
	return fmt.Sprintf("the database has no role %q", user)
}

// gone says that no database has a resource id. A database's name in its place is a common slip.
func (d Database) gone(id string) string {
	if _, exists := d.Known[id]; exists {
		return ""
	}
	for known, name := range d.Known {
		if name == id {
			return fmt.Sprintf("%q is the name of a database: its resource id is %s", id, known)
		}
	}
	return fmt.Sprintf("no cluster or instance of this account and Region has the resource id %q", id)
}

func (r *Review) noteOnce(note string) {
	if !slices.Contains(r.Notes, note) {
		r.Notes = append(r.Notes, note)
	}
}

// sameOrPattern compares a segment of an ARN.
func sameOrPattern(written, own string) bool {
	return pattern(nil).add(written).matcher().matches(own)
}

// isPattern reports a text that stands for more than itself.
func isPattern(text string) bool {
	return strings.ContainsAny(text, "*?") || strings.Contains(text, "${")
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c > '~' })
}
