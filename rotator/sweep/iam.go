package sweep

import (
	"context"
	"fmt"

	"pgrotator/rotator/access"
	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/iamread"
	"pgrotator/rotator/report"
)

// identities is what IAM and RDS told of the account.
type identities struct {
	account  *access.Account
	fault    error             // why account is nil
	known    map[string]string // resource ids, with names
	notKnown error             // why known is nil
}

// beginReview asks for the account's policies while the logs are read: both may take minutes. It ends with the reading.
func (r *run) beginReview(ctx context.Context) {
	if !r.options.IAMReview {
		return
	}
	r.identities = make(chan identities, 1)
	go func() {
		if until := stopReading(ctx); !until.IsZero() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, until)
			defer cancel()
		}
		var found identities
		found.account, found.fault = iamread.Read(ctx, r.iamClient)
		found.known, found.notKnown = cluster.ResourceIDs(ctx, r.rds)
		r.identities <- found
	}()
}

// review says who may log in by IAM. What could not be read is told, and stops nothing.
func (r *run) review(accounts []account.Account) {
	if r.identities == nil {
		return
	}
	found := <-r.identities
	prefix := r.cluster.ConnectResource("")
	switch {
	case found.fault != nil:
		r.access = access.Unknown(fmt.Sprintf("Who may log in by IAM is not known: %v.", found.fault))
	case prefix == "":
		r.access = access.Unknown("Who may log in by IAM is not known, since RDS did not tell the database's resource id.")
	default:
		r.access = access.Of(found.account, access.Database{Prefix: prefix, Roles: roles(accounts), Known: found.known})
	}
	if found.notKnown != nil {
		r.access.Notes = append(r.access.Notes, found.notKnown.Error())
	}
	r.countFailures(accounts)
	r.report.IAM = &r.access.IAM
}

// countFailures counts the logins of members of rds_iam that the log shows to be refused.
func (r *run) countFailures(accounts []account.Account) {
	counted := r.events.FailedLogins()
	if counted == nil {
		r.access.Notes = append(r.access.Notes, "Failed logins were not counted, since the log was read by Logs Insights.")
	}
	for _, a := range accounts {
		if a.IAM && counted[a.Name] > 0 {
			r.access.Failed = append(r.access.Failed, report.Failures{User: a.Name, Attempts: counted[a.Name]})
		}
	}
}

// roles are the roles of the database, as a review of IAM needs them. A group that nobody logs in to is nobody's account.
func roles(accounts []account.Account) []access.Role {
	var list []access.Role
	for _, a := range accounts {
		list = append(list, access.Role{Name: a.Name, Member: a.IAM && (a.CanLogin || a.Tracked), Opaque: a.Quoted == ""})
	}
	return list
}

// iam marks a role that logs in by IAM token.
func (r *run) iam(a account.Account) report.IAMLogin {
	if !a.IAM {
		return report.IAMLogin{}
	}
	return report.IAMLogin{IAM: true, Resource: r.cluster.ConnectResource(a.Name)}
}

// iamClosed marks one that is closed, or to be, with what of IAM to take back.
func (r *run) iamClosed(a account.Account) report.IAMLogin {
	login := r.iam(a)
	if a.IAM {
		login.Withdraw = r.access.Withdraw(a.Name)
	}
	return login
}
