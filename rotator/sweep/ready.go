package sweep

import (
	"context"

	"pgrotator/rotator/account"
	"pgrotator/rotator/report"
	"pgrotator/rotator/script"
	"pgrotator/rotator/sweep/policy"
)

// mark stores new statuses, which touch no role.
func (r *run) mark(ctx context.Context, verdicts []policy.Verdict) error {
	var marks []account.NewStatus
	for _, v := range verdicts {
		status := v.Action.Status()
		if v.Account.Status == status {
			continue
		}
		marks = append(marks, account.NewStatus{Name: v.Account.Name, OID: v.Account.OID, Status: status, Detail: r.detail(v, nil)})
		r.setStatus(v.Account.Name, status)
		if status == account.ReadyToDelete {
			r.report.NewlyReady = append(r.report.NewlyReady, v.Account.Name)
		}
	}
	if len(marks) == 0 || r.dryRun {
		return nil
	}
	return account.SetStatus(ctx, r.writer, r.place.Schema, marks)
}

// standing asks, once for all, what keeps the roles from being dropped that are to be, or that are ReadyToDelete.
func (r *run) standing(ctx context.Context, verdicts []policy.Verdict) (map[int64]account.Obstacles, error) {
	var oids []int64
	for _, v := range verdicts {
		if v.Action == policy.Drop || v.Action == policy.MarkReady || v.Account.Status == account.ReadyToDelete {
			oids = append(oids, v.Account.OID)
		}
	}
	if len(oids) == 0 {
		return nil, nil
	}
	return account.ReadObstacles(ctx, r.writer, oids)
}

// reportReady lists the roles that are ReadyToDelete now, with what stands in the way.
func (r *run) reportReady(verdicts []policy.Verdict, standing map[int64]account.Obstacles) {
	for _, v := range verdicts {
		if r.status[v.Account.Name] != account.ReadyToDelete {
			continue
		}
		found := standing[v.Account.OID]
		ready := report.Ready{User: v.Account.Name, LastActivity: v.Last, IdleDays: days(v.Idle), Owns: []report.Owned{},
			Statements: clearing(v.Account, found), IAMLogin: r.iamClosed(v.Account)}
		for _, d := range found.Dependencies {
			ready.Owns = append(ready.Owns, report.Owned{Database: d.Database, Objects: d.Objects})
		}
		r.report.ReadyToDelete = append(r.report.ReadyToDelete, ready)
	}
}

// clearing is the script by which the master user clears away what keeps a role from being dropped, and drops it.
func clearing(a account.Account, found account.Obstacles) []string {
	leaver := script.Leaver{Name: a.Name, OID: a.OID}
	for _, d := range found.Dependencies {
		if d.Unreadable != 0 {
			leaver.Unreadable = append(leaver.Unreadable, d.Unreadable)
			continue
		}
		leaver.Databases = append(leaver.Databases, d.Database)
	}
	return script.Clear(leaver)
}
