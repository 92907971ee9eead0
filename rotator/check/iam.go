package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pgrotator/rotator/access"
	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/iamread"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
)

// iam looks at who logs in by IAM token: nothing of it stops a rotation or a sweep, but each is somebody who does not get in.
func (c *Check) iam(ctx context.Context, l *list, s subject, session *postgres.Session, found cluster.Cluster) {
	members, err := account.ReadIAMMembers(ctx, session)
	if err != nil {
		l.fail("iam authentication", err.Error(), "")
		return
	}
	people := slices.DeleteFunc(slices.Clone(members), func(m account.IAMMember) bool { return !m.CanLogin })
	iamAuthentication(l, s, found, people)
	iamShutOut(l, members)
	iamAdministrators(l, members)
	if c.options.IAMReview {
		c.iamPolicies(ctx, l, found, people)
	}
}

// iamAuthentication tells whether RDS takes tokens at all.
func iamAuthentication(l *list, s subject, found cluster.Cluster, people []account.IAMMember) {
	switch {
	case found.IAMAuthentication:
		l.pass("iam authentication", fmt.Sprintf("IAM database authentication is on, and %d roles log in by it", len(people)))
	case len(people) == 0:
		l.pass("iam authentication", "IAM database authentication is off, and no role that logs in is a member of rds_iam")
	default:
		l.advise("iam authentication", "IAM database authentication is off, so these members of rds_iam cannot log in by a token: "+quoted(people),
			"Switch it on: "+string(script.EnableIAM(kindOf(s), found.Name)))
	}
}

// kindOf is what RDS calls the secret's database.
func kindOf(s subject) string {
	if s.value.ClusterIdentifier != "" {
		return "cluster"
	}
	return "instance"
}

// iamShutOut names members that may not log in; a group is not meant to.
func iamShutOut(l *list, members []account.IAMMember) {
	shut := slices.DeleteFunc(slices.Clone(members), func(m account.IAMMember) bool { return m.CanLogin || m.Group })
	if len(shut) == 0 {
		return
	}
	l.advise("iam users", "members of rds_iam that are NOLOGIN, and so cannot log in by a token either: "+quoted(shut),
		fmt.Sprintf("Where one is to log in: %s Where not, take its permission back in IAM too.", script.Unlock(shut[0].Name)))
}

// iamAdministrators names administrators who lost their password login by the roles that they administer.
func iamAdministrators(l *list, members []account.IAMMember) {
	for _, m := range members {
		if !m.LockedOut || !m.CanLogin {
			continue
		}
		through := m.Through
		detail := fmt.Sprintf("administrator %q counts as a member of rds_iam through %s, so RDS refuses its password", m.Name, strings.Join(quoteAll(through), ", "))
		if slices.Contains(through, "rds_iam") {
			through = []string{m.Name}
			detail = fmt.Sprintf("administrator %q holds rds_iam, so RDS refuses its password", m.Name)
		}
		l.advise("iam administrators", detail, fmt.Sprintf("Let it log in by IAM token, or take the others out of rds_iam, and have another administrator make such roles: %s",
			script.LeaveIAM(through...)))
	}
}

// iamPolicies names members whom no policy of the account admits.
func (c *Check) iamPolicies(ctx context.Context, l *list, found cluster.Cluster, people []account.IAMMember) {
	policies, err := iamread.Read(ctx, c.iamClient)
	if err != nil {
		l.advise("iam policies", err.Error(), "Who may log in by IAM is not known; nothing else depends on it.")
		return
	}
	d := access.Database{Prefix: found.ConnectResource("")}
	for _, m := range people {
		d.Roles = append(d.Roles, access.Role{Name: m.Name, Member: true})
	}
	switch review := access.Of(policies, d); {
	case d.Prefix == "":
		l.advise("iam policies", "RDS does not tell the database's resource id, so who may log in by IAM is not known", "")
	case !review.Complete:
		l.advise("iam policies", strings.Join(policies.Unread, " "), "Who may log in by IAM is not known for certain; nothing else depends on it.")
	case len(review.Unreachable) > 0:
		l.advise("iam policies", "no policy of this account lets anybody log in as "+strings.Join(quoteAll(review.Unreachable), ", "),
			fmt.Sprintf("Allow %s on %s to whoever is to log in, or take the role out of rds_iam.", access.Connect, found.ConnectResource("USER")))
	default:
		l.pass("iam policies", fmt.Sprintf("somebody may log in by IAM as each of %d roles", len(people)))
	}
}

func quoted(members []account.IAMMember) string {
	var names []string
	for _, m := range members {
		names = append(names, m.Name)
	}
	return strings.Join(quoteAll(names), ", ")
}

func quoteAll(names []string) []string {
	var list []string
	for _, name := range names {
		list = append(list, fmt.Sprintf("%q", name))
	}
	return list
}
