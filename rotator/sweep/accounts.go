package sweep

import (
	"cmp"
	"context"
	"iter"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/report"
	"pgrotator/rotator/sweep/policy"
)

// judged is what was decided about a role, for the lists of accounts. There may be 100,000: the account itself is not copied.
type judged struct {
	*account.Account
	sessions  int
	exempt    string             // why the sweep leaves it alone; "" = it does not
	ignored   bool               // by exception, or by the secret's tag
	exception *account.Exception // nil = none protects it
	last      time.Time          // latest activity known
	idle      time.Duration      // as far as the evidence goes
}

func (j judged) subject() policy.Subject {
	return policy.Subject{Account: *j.Account, Sessions: j.sessions, Exempt: j.exempt, Ignored: j.ignored}
}

// consider says what decides about a role besides its activity.
func (r *run) consider(a *account.Account, exempt account.Exemptions, now time.Time) judged {
	j := judged{Account: a, sessions: r.sessions[a.Name], exempt: exempt.Reason(*a)}
	if e, excepted := account.Excepted(r.options.Ignore, a.Name, now); excepted {
		j.exception = &e
	}
	j.ignored = j.exception != nil || account.Ignored(r.terms.ignored, a.Name)
	switch {
	case j.exempt != "":
	case a.Unlogged != "":
		j.exempt = "The log cannot show who is active by its name: " + a.Unlogged + "."
	case !a.Tracked:
		j.exempt = "It was made while this run was under way: the next one looks after it."
	}
	return j
}

// readHoldings asks what roles have, for the lists. Where it cannot be told, the lists say so.
func (r *run) readHoldings(ctx context.Context) {
	if r.channels.Reports == nil {
		return
	}
	holdings, err := account.ReadHoldings(ctx, r.writer, r.place.Schema)
	if err != nil {
		r.evidence.Note("What roles may do and own could not be read for the lists of accounts: %v.", err)
		return
	}
	r.holdings = holdings
}

// accounts gives the rows of the lists, as the roles are at the run's end; nil where they could not be read.
func (r *run) accounts() iter.Seq[report.Account] {
	if r.judged == nil {
		return nil
	}
	changed, failed := r.changed(), r.failedLogins()
	return func(yield func(report.Account) bool) {
		for i := range r.judged {
			row := r.row(&r.judged[i], changed[r.judged[i].Name])
			if failed != nil && r.judged[i].Unlogged == "" { // the log cannot show whom it is about
				count := failed[row.User]
				row.FailedLogins = &count
			}
			if !yield(row) {
				return
			}
		}
	}
}

// noteUncounted tells that refused logins were not counted, which is not the same as that there were none.
func (r *run) noteUncounted() {
	if r.report.Evidence.Reader != "" && r.events.FailedLogins() == nil {
		r.evidence.Note("Failed logins were not counted, since the log was read by Logs Insights, whose rows do not tell whom a refusal is about.")
	}
}

// failedLogins counts the logins that were refused in what this run has read; nil = they were not counted, or nothing was read.
func (r *run) failedLogins() map[string]int {
	if r.report.Evidence.Reader == "" {
		return nil
	}
	return r.events.FailedLogins()
}

// changed is what this run has made of roles; of those that it would have changed, nothing.
func (r *run) changed() map[string]string {
	changed := map[string]string{}
	if r.dryRun {
		return changed
	}
	for status, list := range map[string][]report.Closed{account.Locked: r.report.Locked, report.Dropped: r.report.Deleted, account.Active: r.report.Unlocked} {
		for _, c := range list {
			changed[c.User] = status
		}
	}
	return changed
}

func (r *run) row(j *judged, changed string) report.Account {
	status := cmp.Or(changed, r.status[j.Name], j.Status, account.Active)
	row := report.Account{User: j.Name, Login: loginOf(j, changed), LastActivitySource: j.Source, FirstSeen: pointer(j.FirstSeen), Status: status, StatusSince: pointer(j.StatusChanged)}
	if status != j.Status {
		row.StatusSince = pointer(r.report.FinishedAt)
	}
	row.LastActivity, row.LastActivitySource = r.lastActivity(j)
	if h, known := r.holdings[j.OID]; known {
		row.Privileges, row.OwnsObjects = h.Privileges, &h.Objects
	}
	if j.Tracked && !r.evidence.To().IsZero() {
		idle := days(j.idle)
		row.IdleDays = &idle
	}
	row.Exemption, row.ExemptionReason, row.ExemptionUntil = r.exemption(j)
	if row.Exemption == "" && status != report.Dropped {
		row.Due, row.DueOn = r.next(j, changed)
	}
	return row
}

func loginOf(j *judged, changed string) string {
	canLogin := j.CanLogin || changed == account.Active
	switch {
	case !canLogin, changed == account.Locked, changed == report.Dropped:
		return report.NoLogin
	case j.IAM:
		return report.ByIAM
	}
	return report.Password
}

// firstSeen is the source of a time that shows no activity.
const firstSeen = "first seen"

// lastActivity is when a role was active, and what that rests on. That it was first seen to exist is no activity, and neither is a
// time of which version 1.0 did not write down where it is from.
func (r *run) lastActivity(j *judged) (at *time.Time, source string) {
	switch {
	case j.sessions > 0:
		return pointer(j.last), "session"
	case !j.Tracked:
		return nil, ""
	case j.Source == firstSeen:
		return nil, firstSeen
	case j.Source == "":
		return nil, "not recorded"
	}
	return pointer(j.LastLogin), j.Source
}

func (r *run) exemption(j *judged) (what, reason, until string) {
	switch {
	case j.exempt != "":
		return report.Rule, j.exempt, ""
	case j.exception != nil:
		if !j.exception.Until.IsZero() {
			until = j.exception.Until.Format(time.DateOnly)
		}
		return "IGNORE_USER_LIST: " + j.exception.User, j.exception.Reason, until
	case j.ignored:
		return policy.TagIgnore, "The secret's tag names it.", ""
	}
	return "", "", ""
}

// next is what is due for a role, and on which day.
func (r *run) next(j *judged, changed string) (act, day string) {
	s := j.subject()
	switch changed {
	case account.Locked:
		s.CanLogin, s.LockedAt = false, r.evidence.Start
	case account.Active:
		s.CanLogin, s.LockedAt, s.LastLogin = true, time.Time{}, j.last
	}
	act, at := r.policy().Next(s)
	if act == "" {
		return "", ""
	}
	return act, at.UTC().Format(time.DateOnly)
}
