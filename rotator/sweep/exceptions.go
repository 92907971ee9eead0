package sweep

import (
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/report"
)

// announced is how long before its end an exception's expiry is told.
const announced = 30 * day

// reportExceptions lists what IGNORE_USER_LIST says, and tells of entries that protect nobody, no longer, or not much longer.
func (r *run) reportExceptions(accounts []account.Account) {
	now := r.evidence.Start
	for _, e := range r.options.Ignore {
		r.report.Exceptions = append(r.report.Exceptions, exceptionReport(e, now))
		if !slices.ContainsFunc(accounts, func(a account.Account) bool { return e.Covers(a.Name) }) { // it may be misspelt
			r.evidence.Note("IGNORE_USER_LIST has %q, which is no role of this cluster and matches none.", e.User)
		}
		switch until := e.Until.Format(time.DateOnly); {
		case e.Until.IsZero():
		case e.Expired(now):
			r.evidence.Note("The exception of %q in IGNORE_USER_LIST has expired: it held until %s, and protects nobody now.", e.User, until)
		case e.Expired(now.Add(announced)):
			r.evidence.Note("The exception of %q in IGNORE_USER_LIST holds until %s, and protects nobody after that day.", e.User, until)
		}
	}
}

func exceptionReport(e account.Exception, now time.Time) report.Exception {
	x := report.Exception{User: e.User, Reason: e.Reason, By: e.By, Expired: e.Expired(now)}
	if !e.Until.IsZero() {
		x.Until = e.Until.Format(time.DateOnly)
		x.Ends = !x.Expired && e.Expired(now.Add(announced))
	}
	return x
}
