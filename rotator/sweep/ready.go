package sweep

import (
	"context"

	"pgrotator/rotator/account"
)

// mark stores new statuses, which touch no role.
func (r *run) mark(ctx context.Context, verdicts []verdict) error {
	var marks []account.NewStatus
	for _, v := range verdicts {
		status := v.action.status()
		if v.account.Status == status {
			continue
		}
		marks = append(marks, account.NewStatus{Name: v.account.Name, OID: v.account.OID, Status: status, Detail: r.detail(v, nil)})
		r.status[v.account.Name] = status
		if status == account.ReadyToDelete {
			r.report.newlyReady = append(r.report.newlyReady, v.account.Name)
		}
	}
	if len(marks) == 0 || r.dryRun {
		return nil
	}
	return account.SetStatus(ctx, r.writer, r.options.StateSchema, marks)
}

// status is what an action marks a role as.
func (a action) status() string {
	switch a {
	case markReady:
		return account.ReadyToDelete
	case markLocked:
		return account.Locked
	}
	return account.Active
}

// standing asks, once for all, what keeps the roles from being dropped that are to be, or that are ReadyToDelete.
func (r *run) standing(ctx context.Context, verdicts []verdict) (map[int64]account.Obstacles, error) {
	var oids []int64
	for _, v := range verdicts {
		if v.action == drop || v.action == markReady || v.account.Status == account.ReadyToDelete {
			oids = append(oids, v.account.OID)
		}
	}
	if len(oids) == 0 {
		return nil, nil
	}
	return account.ReadObstacles(ctx, r.writer, oids, r.cluster.MasterUser)
}

// reportReady lists the roles that are ReadyToDelete now, with what stands in the way.
func (r *run) reportReady(verdicts []verdict, standing map[int64]account.Obstacles) {
	for _, v := range verdicts {
		if r.status[v.account.Name] != account.ReadyToDelete {
			continue
		}
		found := standing[v.account.OID]
		ready := Ready{User: v.account.Name, LastActivity: v.last, IdleDays: days(v.idle), Owns: []Owned{},
			Statements: clearing(v.account, found, r.cluster.MasterUser), IAM: r.iam(v.account)}
		for _, d := range found.Dependencies {
			ready.Owns = append(ready.Owns, Owned{Database: d.Database, Objects: d.Objects})
		}
		r.report.ReadyToDelete = append(r.report.ReadyToDelete, ready)
	}
}
