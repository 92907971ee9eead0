package sweep

import (
	"context"
	"time"

	"pgrotator/rotator/account"
)

// decide judges every role, acts, and fills the report.
func (r *run) decide(ctx context.Context) error {
	accounts, err := account.List(ctx, r.writer, r.options.StateSchema, r.found.Functions)
	if err != nil {
		return err
	}
	p := policy{options: r.options, now: r.evidence.start, complete: r.evidence.complete(),
		from: r.evidence.from(), to: r.evidence.to(), doubted: r.evidence.doubted}
	own := []string{r.pair.User, r.pair.Partner, r.value.Role, r.server.CurrentUser}
	verdicts := r.judge(p, accounts, account.NewExemptions(r.cluster.MasterUser, own, r.found.Records))
	if err := r.act(ctx, verdicts); err != nil {
		return err
	}
	r.reportEvidence(p)
	if settled := r.evidence.settled(); settled != nil && !r.dryRun {
		return account.Store(ctx, r.writer, r.options.StateSchema, nil, settled, nil)
	}
	return nil
}

// judge gives a verdict on each role that has a row, and reports those that are left alone.
func (r *run) judge(p policy, accounts []account.Account, exempt account.Exemptions) []verdict {
	var verdicts []verdict
	for _, a := range accounts {
		if !a.Tracked {
			continue
		}
		s := subject{Account: a, sessions: r.sessions[a.Name], exempt: exempt.Reason(a),
			ignored: account.Ignored(r.options.Ignore, a.Name), contested: r.fold.contested[a.Name]}
		v := p.judge(s)
		r.count(s, v, p)
		if v.action != leave || s.exempt == "" && !s.ignored {
			verdicts = append(verdicts, v)
		}
	}
	return verdicts
}

// count puts a role into the counts and, where it is left alone, among those that are not managed.
func (r *run) count(s subject, v verdict, p policy) {
	switch {
	case s.exempt != "":
		r.report.NotManaged = append(r.report.NotManaged, NotManaged{User: s.Name, Reason: s.exempt})
		return
	case s.ignored:
		r.report.Counts.Ignored++
		return
	case s.contested:
		r.report.NotManaged = append(r.report.NotManaged, NotManaged{User: s.Name,
			Reason: "Somebody without credentials wrote log entries in its name: this run leaves it alone."})
	}
	if left, ok := p.lockIn(v); ok {
		r.report.Upcoming = append(r.report.Upcoming, Upcoming{
			User: s.Name, IdleDays: days(v.idle), LockInDays: int((left + day - 1) / day), IAM: r.iam(s.Account)})
	}
}

// iam marks a role that logs in by IAM token.
func (r *run) iam(a account.Account) IAM {
	if !a.IAM {
		return IAM{}
	}
	return IAM{IAM: true, Resource: r.cluster.ConnectResource(a.Name)}
}

func (r *run) closed(v verdict) Closed {
	return Closed{User: v.account.Name, LastActivity: v.last, IdleDays: days(v.idle), Reason: v.reason, IAM: r.iam(v.account)}
}

func (r *run) closedAll(verdicts []verdict) []Closed {
	list := []Closed{}
	for _, v := range verdicts {
		list = append(list, r.closed(v))
	}
	return list
}

func days(d time.Duration) int { return int(d / day) }

// reportEvidence fills in what the verdicts rest on.
func (r *run) reportEvidence(p policy) {
	e := &r.report.Evidence
	e.Complete = r.evidence.complete()
	e.Reasons = append(e.Reasons, r.evidence.reasons...)
	e.From, e.To = pointer(p.from), pointer(p.to)
	for _, i := range r.evidence.instances {
		if i.live || i.log.events > 0 {
			e.Instances = append(e.Instances, i.report(r.evidence.start))
		}
	}
}

func (i *instance) report(start time.Time) InstanceReport {
	silence := i.log.silence
	if i.log.last > 0 {
		silence = max(silence, start.UnixMilli()-i.log.last)
	} else if !i.readFrom.IsZero() {
		silence = start.Sub(i.readFrom).Milliseconds()
	}
	return InstanceReport{Name: i.Instance, From: i.EvidenceFrom, To: i.ProcessedTo, Events: i.log.events, Logins: i.log.logins,
		Suspicious: i.log.suspicious, LongestSilence: max(0, silence) / 1000}
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}
