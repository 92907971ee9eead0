package sweep

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/report"
	"pgrotator/rotator/sweep/evidence"
	"pgrotator/rotator/sweep/policy"
)

// decide judges every role, acts, and fills the report.
func (r *run) decide(ctx context.Context) error {
	accounts, err := account.List(ctx, r.writer, r.place.Schema, r.found)
	if err != nil {
		return err
	}
	r.review(accounts)
	r.noteUncounted()
	p := r.policy()
	own := []string{r.pair.User, r.pair.Partner, r.value.Role, r.server.CurrentUser}
	r.readHoldings(ctx)
	verdicts := r.judge(p, accounts, account.NewExemptions([]string{r.cluster.MasterUser, r.value.MasterIAM}, own, r.found.Records))
	if r.place.Old {
		r.countStatuses()
		r.reportEvidence(p)
		return nil
	}
	if err := r.act(ctx, verdicts); err != nil {
		return err
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.markCommit(ctx)
	r.reportEvidence(p)
	return nil
}

// settle notes that what rested on a log that was lost is undone. A dry run undoes no lock, and so settles nothing.
func (r *run) settle(ctx context.Context) error {
	if r.dryRun {
		return nil
	}
	settled := r.evidence.Settled()
	if settled == nil {
		return nil
	}
	return account.Store(ctx, r.writer, r.place, nil, settled, nil)
}

func (r *run) policy() policy.Policy {
	second := r.evidence.SecondCover()
	return policy.Policy{
		LockAfter: r.options.lockAfter(), DeleteAfter: r.options.deleteAfter(), Now: r.evidence.Start, Complete: r.evidence.Complete(),
		From: r.evidence.From(), To: r.evidence.To(), ArrivedTo: r.evidence.ArrivedTo(), Doubted: r.evidence.Doubted, ProvenTo: r.evidence.ProvenTo(), SecondFrom: second.From, SecondTo: second.To}
}

// setStatus notes the status that a role has from now on; those that are left alone have none that counts.
func (r *run) setStatus(name, status string) {
	if _, managed := r.status[name]; managed {
		r.status[name] = status
	}
}

// judge gives a verdict on each role that has a row, and reports those that are left alone.
func (r *run) judge(p policy.Policy, accounts []account.Account, exempt account.Exemptions) []policy.Verdict {
	spared := map[string]evidence.Spared{}
	for _, found := range r.spared {
		if found.At.After(spared[found.Role].At) {
			spared[found.Role] = found
		}
	}
	r.reportExceptions(accounts)
	r.noteIgnoredByTag(accounts)
	r.status, r.judged = map[string]string{}, []judged{}
	var verdicts []policy.Verdict
	for i := range accounts {
		a := &accounts[i]
		if !a.CanLogin && !a.Tracked {
			continue
		}
		j := r.consider(a, exempt, p.Now)
		s := j.subject()
		s.Undecided = r.events.Undecided(a.Name)
		v := p.Judge(s)
		if j.last, j.idle = v.Last, v.Idle; r.channels.Reports != nil {
			r.judged = append(r.judged, j)
		}
		r.count(s, v, p)
		r.spare(p, s, spared[a.Name])
		managed := s.Exempt == "" && !s.Ignored
		if managed {
			r.status[a.Name] = a.Status
		}
		if v.Action != policy.Leave || managed {
			verdicts = append(verdicts, v)
		}
	}
	return verdicts
}

// spare reports a role that would have been closed but for what the second reading found.
func (r *run) spare(p policy.Policy, s policy.Subject, found evidence.Spared) {
	if found.At.IsZero() || found.At.Before(s.LastLogin) {
		return
	}
	s.LastLogin = r.known[s.Name]
	switch p.Judge(s).Action {
	case policy.Lock, policy.Drop, policy.MarkReady:
		r.report.Spared = append(r.report.Spared, report.Spared{User: s.Name, At: found.At, Instance: found.Instance, Kind: found.Kind})
	}
}

// count puts a role into the counts and, where it is left alone, among those that are not managed.
func (r *run) count(s policy.Subject, v policy.Verdict, p policy.Policy) {
	switch {
	case s.Exempt != "":
		if s.CanLogin || s.Tracked {
			r.report.NotManaged = append(r.report.NotManaged, report.NotManaged{User: s.Name, Reason: s.Exempt})
		}
		return
	case s.Ignored:
		r.report.Counts.Ignored++
		return
	}
	if v.Uncovered {
		r.uncovered++
	}
	if left, ok := p.LockIn(v); ok {
		r.report.Upcoming = append(r.report.Upcoming, report.Upcoming{
			User: s.Name, IdleDays: days(v.Idle), LockInDays: int((left + day - 1) / day), IAMLogin: r.iam(s.Account)})
	}
}

func (r *run) closed(v policy.Verdict) report.Closed {
	return report.Closed{User: v.Account.Name, LastActivity: v.Last, IdleDays: days(v.Idle), Reason: v.Reason, Unseen: v.Account.Source == firstSeen && v.Last.Equal(v.Account.LastLogin), IAMLogin: r.iamClosed(v.Account)}
}

func (r *run) closedAll(verdicts []policy.Verdict) []report.Closed {
	list := []report.Closed{}
	for _, v := range verdicts {
		list = append(list, r.closed(v))
	}
	return list
}

func days(d time.Duration) int { return int(d / day) }

// reportEvidence fills in what the verdicts rest on.
func (r *run) reportEvidence(p policy.Policy) {
	e := &r.report.Evidence
	e.Complete = r.evidence.Complete()
	e.Reasons = append(e.Reasons, r.evidence.Reasons...)
	e.Notes = append(e.Notes, r.evidence.Notes...)
	if r.uncovered > 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("%d roles are due and were left alone: %s.", r.uncovered, r.evidence.CoverLacks(cmp.Or(r.options.lockAfter(), r.options.deleteAfter()))))
	}
	e.From, e.To = pointer(p.From), pointer(p.To)
	e.SecondReading.From, e.SecondReading.To, e.SecondReading.Roles = pointer(p.SecondFrom), pointer(p.SecondTo), len(r.events.Names().Roles)
	for _, g := range r.evidence.Gaps {
		e.Gaps = append(e.Gaps, report.Gap{Instance: g.Instance, From: g.From, To: g.To, Cause: g.Cause})
	}
	for _, i := range r.evidence.Instances {
		for shape, count := range i.Unread() {
			e.Unread = append(e.Unread, report.Unread{Instance: i.Instance, Shape: shape, Count: count})
		}
		if read := i.Read(r.evidence.Start); i.Live || read.Events > 0 {
			e.Instances = append(e.Instances, report.Instance{Name: i.Instance, From: i.EvidenceFrom, To: i.ProcessedTo, Events: read.Events, Logins: read.Logins,
				Suspicious: read.Suspicious, LongestSilence: int64(read.LongestSilence.Seconds()), LongestDelay: int64(read.LongestDelay.Seconds())})
		}
	}
	slices.SortFunc(e.Unread, func(a, b report.Unread) int {
		return cmp.Or(strings.Compare(a.Instance, b.Instance), strings.Compare(a.Shape, b.Shape))
	})
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}
