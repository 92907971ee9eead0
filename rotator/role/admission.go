package role

import (
	"fmt"
	"strings"

	"pgrotator/rotator/script"
)

// Reserved reports names that PostgreSQL (pg_…) or RDS (rds…) keeps for its own roles.
func Reserved(name string) bool {
	return strings.HasPrefix(name, "pg_") || strings.HasPrefix(name, "rds")
}

// AdmitPair returns a Refusal unless the pair may be rotated: AdmitUser, and a user that exists can become the shared role, which
// exists too.
func (t State) AdmitPair() error {
	if err := t.AdmitUser(); err != nil {
		return err
	}
	switch {
	case t.Shared != "" && !t.SharedExists:
		return &script.Refusal{Problem: fmt.Sprintf("the shared role %q does not exist", t.Shared), Cure: fmt.Sprintf("run setup, or %s %s %s",
			script.CreateShared(t.Shared), script.Join(t.Version, t.Shared, t.User), script.Join(t.Version, t.Shared, t.Partner))}
	case t.Exists && t.Shared != "" && !t.Member:
		return &script.Refusal{Problem: fmt.Sprintf("user %q cannot become the shared role %q", t.User, t.Shared), Cure: t.Joining(t.User)}
	}
	return nil
}

// AdmitUser returns a Refusal if the user may not be set whatever it is a member of: on a reader, a name that PostgreSQL or RDS
// keeps, a powerful role, a user that logs in by IAM, a pair that does not agree on its shared role or has one of its own as such.
func (t State) AdmitUser() error {
	switch {
	case t.Standby:
		return &script.Refusal{Problem: fmt.Sprintf("the secret's host %s is a reader (in recovery), where no password can be set", t.Host),
			Cure: "use the cluster's writer endpoint as host"}
	case Reserved(t.User) || Reserved(t.Shared):
		return &script.Refusal{Problem: fmt.Sprintf("the pair's user %q or its shared role %q has a name that PostgreSQL or RDS keeps for its own roles", t.User, t.Shared),
			Cure: "name others in the secret's keys \"usernames\" and \"role\""}
	case t.Powerful != "":
		return &script.Refusal{Problem: fmt.Sprintf("%q is a superuser or a member of rds_superuser, and such are not rotated", t.Powerful),
			Cure: fmt.Sprintf("take the name out of the secret, or take its power away (%s)", script.LeaveSuperuser(t.Powerful))}
	case t.ambiguous:
		return &script.Refusal{Problem: fmt.Sprintf("user %q becomes %q when it logs in, and user %q becomes %q", t.User, t.LoginRole, t.Partner, t.PartnerLoginRole),
			Cure: "name the pair's shared role in the secret's key \"role\"; the next rotations mend the settings"}
	case t.Shared != "" && (t.Shared == t.User || t.Shared == t.Partner):
		return &script.Refusal{Problem: fmt.Sprintf("the shared role %q is one of the pair", t.Shared), Cure: "name a third role in the secret's key \"role\""}
	case t.IAM:
		return &script.Refusal{Problem: fmt.Sprintf("user %q is a member of rds_iam, directly or through another role, so RDS refuses its password", t.User),
			Cure: string(script.LeaveIAM(t.User))}
	}
	return nil
}

// OwnsShared reports that the shared role is known to be the pair's own: the session is that role, or the one of the two that has logged
// in may become it. The name in a secret, or X of X_a, can be anybody's role, and so can the other of the two that a secret names: nobody
// is to be told to grant what only that one has.
func (t State) OwnsShared() bool {
	return t.CurrentUser == t.Shared || t.Member && t.Proven == t.User || t.PartnerMember && t.Proven == t.Partner
}

// Joining is what makes one of the pair a member of its shared role.
func (t State) Joining(user string) string {
	if t.OwnsShared() {
		return string(script.Join(t.Version, t.Shared, user))
	}
	return fmt.Sprintf("nothing shows that %q is this pair's role: if it was made for it, whoever made it makes both users members of it; if it is somebody else's, name the pair's own in the secret's key \"role\"", t.Shared)
}

// Becoming is what makes one of the pair become its shared role at login.
func (t State) Becoming(user string) string {
	if t.OwnsShared() {
		return t.Joining(user) + " " + string(script.BecomeAtLogin(user, t.Shared))
	}
	return t.Joining(user)
}

// permitting is the statement after which the session's role may set user.
func (t State) permitting(user string) string {
	if t.MayAlter {
		return string(script.AllowPasswords(t.CurrentUser))
	}
	return string(script.AllowAlter(t.Version, t.CurrentUser, user))
}
