package model_test

import (
	"maps"
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/sweep/evidence"
)

// tables are what the database remembers.
type tables struct {
	records  map[string]account.LogRecord
	accounts map[int64]account.Account // of a copy
}

// store does as sql/sweep/store.sql.
func (w *world) store(active []account.Activity, records []account.LogRecord, forget []string) {
	for _, a := range active {
		if p := w.named(a.Role); p != nil {
			learn(&p.account, a)
		}
	}
	for _, r := range records {
		w.tables.records[r.Instance] = r
	}
	for _, name := range forget {
		delete(w.tables.records, name)
	}
}

// learn takes an activity into a role's row.
func learn(row *account.Account, a account.Activity) {
	last, locked, bySession := later(a.At, row.LastLogin), row.LockedAt, a.Source == evidence.BySession
	if !locked.IsZero() {
		soon := locked.Add(account.LockSlack)
		began := !a.Began.Before(soon) && (a.Source == evidence.ByLogin || a.Began.Before(a.At))
		letIn := !bySession && (began || locked.Equal(row.LastLogin) && a.At.After(locked))
		wrong := !bySession && (a.Began.IsZero() || a.Began.Before(soon) && !a.At.Before(soon)) && last.After(locked)
		changes := a.At.After(row.LastLogin) || !row.LastLogin.Before(soon)
		switch {
		case bySession && !a.At.Before(soon):
			return
		case letIn && changes:
			row.LockedAt = last
		case wrong && changes:
			row.LockedAt = last.Add(-time.Millisecond)
		}
	}
	if a.At.After(row.LastLogin) {
		row.LastLogin, row.Source = a.At, a.Source
	}
}

func (w *world) copyTables() *tables {
	copied := &tables{records: maps.Clone(w.tables.records), accounts: map[int64]account.Account{}}
	for _, p := range w.people {
		copied.accounts[p.account.OID] = p.account
	}
	return copied
}

// restore puts an older copy of the database in the place of the present one. Roles that are gone stay so.
func (w *world) restore() {
	if w.now.Sub(w.backed) < 2*day {
		return
	}
	w.harmed()
	for _, p := range w.people {
		w.forgetSession(p)
		if row, kept := w.backup.accounts[p.account.OID]; kept {
			p.account = row
			p.shut = !row.LockedAt.IsZero() // what it did since the copy may have been after that lock
		}
	}
	w.tables.records = maps.Clone(w.backup.records)
	for _, s := range w.live() {
		s.measured = 0
		w.restart(s, true)
		s.uncount()
	}
	w.restored, w.unnoticed = w.now, true
	w.forgetHoles(nil)
}

// stripTables takes from the tables what version 1.0 did not store, as if that had swept until now: by what it knew nobody finds out what a
// log lacks.
func (w *world) stripTables() {
	w.forgetHoles(nil)
	w.forgiveLost()
	w.disturbed(w.now)
	w.upgraded, w.backup, w.unnoticed = w.now, nil, false
	if w.has.intrigue {
		w.harmed() // whose the postmaster's process id is, is learnt anew, at a reload at which a stranger may just have put in a word
	}
	for name, r := range w.tables.records {
		w.tables.records[name] = account.LogRecord{Instance: name, ProcessedTo: r.ProcessedTo, EvidenceFrom: r.EvidenceFrom,
			Canary: r.Canary, CanaryAt: r.CanaryAt, CanarySeenAt: r.CanarySeenAt}
	}
	if w.uncovered = true; w.retention > 0 {
		w.coverLeast = w.now.Add(-w.retention)
	}
	if w.has.anew {
		w.loseBeginnings()
	}
	for _, s := range w.servers {
		s.measured = 0
		for _, to := range s.streams {
			for _, e := range to.entries {
				if e.arrives.After(w.lastRun) && e.arrives.Sub(e.at) > w.lag { // that its streams are late 1.0 did not know
					e.beyond = true
					w.harmed()
				}
			}
		}
	}
}

// loseBeginnings has the logs begin some days ago: their groups were made anew. What they held before version
// 1.0 had read, by the first of the two readings.
func (w *world) loseBeginnings() {
	began := w.now.Add(-8*day - time.Duration(w.aside.Int64N(int64(20*day))))
	if w.behind() > 2*day {
		return
	}
	for _, s := range w.servers {
		for _, to := range s.streams {
			to.entries = slices.Clone(to.entries[searchFrom(to.entries, began):])
		}
	}
	w.coverLeast, w.coverFrom = later(w.coverLeast, began), later(w.coverFrom, began.Add(3*day))
	w.anew = began
}

// forgetSession ends a session before a restore: what the runs knew of it may be lost with the tables.
func (w *world) forgetSession(p *person) {
	if p.on != nil {
		p.seen = false
		w.endSession(p, true)
	}
}
