package sweep

import (
	"context"
	"slices"

	"pgrotator/rotator/account"
	"pgrotator/rotator/report"
	"pgrotator/rotator/sweep/policy"
)

// terms is the policy of one database: the operator's, as the secret's tags make it gentler.
type terms struct {
	ignored []string // names and patterns that the tags have left alone
	fault   error    // the tags could not be read
}

// readTerms applies the secret's tags to this run's options. Tags that cannot be read may spare somebody: doubtTags tells of that.
func (r *run) readTerms(ctx context.Context) {
	described, err := r.store.Describe(ctx, r.secretID)
	if err != nil {
		r.terms.fault = err
		return
	}
	operator := policy.Terms{LockDays: r.options.LockDays, DeleteDays: r.options.DeleteDays, ReportOnly: r.dryRun}
	gentler, tags := operator.Gentler(described.Tags)
	r.options.LockDays, r.options.DeleteDays = gentler.LockDays, gentler.DeleteDays
	r.dryRun, r.terms.ignored = gentler.ReportOnly, gentler.Ignored
	r.report.DryRun = r.dryRun
	r.report.Policy = policyReport(r.options, r.dryRun, tags)
}

func (r *run) doubtTags() {
	if r.terms.fault != nil {
		r.evidence.Doubt("The secret's tags, which may spare roles of this database, cannot be read: %v.", r.terms.fault)
	}
}

// noteIgnoredByTag tells of names in the secret's tag that protect nobody: one may be misspelt.
func (r *run) noteIgnoredByTag(accounts []account.Account) {
	for _, name := range r.terms.ignored {
		matched := slices.ContainsFunc(accounts, func(a account.Account) bool { return account.Ignored([]string{name}, a.Name) })
		if !matched {
			r.evidence.Note("The secret's tag %s has %q, which is no role of this cluster and matches none.", policy.TagIgnore, name)
		}
	}
}

func policyReport(o Options, dryRun bool, tags []policy.Tag) report.Policy {
	p := report.Policy{LockDays: interval(o.LockDays), DeleteDays: interval(o.DeleteDays), Mode: mode(dryRun), Source: "environment"}
	for _, tag := range tags {
		p.Tags = append(p.Tags, report.Tag{Key: tag.Key, Value: tag.Value, Used: tag.Used, Why: tag.Why})
		if tag.Used {
			p.Source = "environment, made gentler by the secret's tags"
		}
	}
	return p
}
