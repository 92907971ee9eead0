package evidence

import (
	"maps"
	"time"
)

// An instance that is renamed goes on counting its sessions, and writes to streams of its new name. What its last look under the old name
// and the first under the new show is held against both logs: each counts on its own, and once nothing of the old one is to come any
// more its record, which is that of an instance that is gone by then, hands over what it has counted.

// handedOn are the looks with which an instance goes on under another name: the last one, of which nothing is counted there yet. Before it
// nothing was written under that name.
func (w witnesses) handedOn() []Look {
	if len(w.Looks) == 0 {
		return nil
	}
	last := w.Looks[len(w.Looks)-1]
	last.Logins, last.Contested, last.Near, last.CountedTo = nil, nil, nil, last.At.Truncate(time.Second)
	return []Look{last}
}

// heir is the instance that went on under another name, and waits for what is counted of the former one; nil = there is none.
func (e *Evidence) heir(former *Instance) *Instance {
	for _, i := range e.Instances {
		if i.witnesses.Former == former.Instance && len(i.witnesses.Looks) > 1 {
			return i
		}
	}
	return nil
}

// closeFormer has the log of a former name counted up to the first look under the new one. Where that cannot be, as the name is
// another's by now, the two looks are held against nothing.
func (e *Evidence) closeFormer(i *Instance) {
	w := &i.witnesses
	if w.Former == "" || len(w.Looks) < 2 {
		return
	}
	former := e.Named(w.Former)
	if former != nil && !former.Live && former.witnesses.endsAt(w.Looks[0]) {
		former.witnesses.Looks = append(former.witnesses.Looks, w.Looks[1])
	}
	if former == nil || former.Live || !former.witnesses.endsAt(w.Looks[1]) {
		w.Former, w.Looks[0].Uncounted = "", true
	}
}

func (w witnesses) endsAt(look Look) bool {
	return len(w.Looks) > 0 && w.Looks[len(w.Looks)-1].At.Equal(look.At)
}

// shareEntries lets an instance know which entries, of what its first look under a new name tells, the log of the former name holds.
func (e *Evidence) shareEntries(i *Instance) {
	former := e.Named(i.witnesses.Former)
	if former == nil || len(i.witnesses.Looks) < 2 || !former.witnesses.endsAt(i.witnesses.Looks[1]) {
		return
	}
	look, there := &i.witnesses.Looks[1], former.witnesses.Looks[len(former.witnesses.Looks)-1]
	look.Starting, look.Ready, look.Reload = look.Starting || there.Starting, look.Ready || there.Ready, look.Reload || there.Reload
}

// handOver gives what was counted of the former name's log, from a look to the first one under the new name.
func (i *Instance) handOver(a Look, counted window) {
	w := &i.witnesses
	first := &w.Looks[0]
	first.Logins, first.Contested = added(first.Logins, counted.logged), added(first.Contested, counted.unsure)
	first.Uncounted = first.Uncounted || a.Uncounted || a.InRows
	w.Former = ""
}

// added are two counts by database together.
func added(a, b map[string]int64) map[string]int64 {
	sums := maps.Clone(a)
	if sums == nil {
		sums = map[string]int64{}
	}
	for database, n := range b {
		sums[database] += n
	}
	return sums
}
