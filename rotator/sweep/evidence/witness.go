package evidence

import (
	"encoding/json"
	"slices"
	"time"
)

// Look is what a run saw of an instance first thing after its login: what a log that is complete must bear out.
type Look struct {
	At       time.Time        `json:"at"`
	Started  time.Time        `json:"started"`            // pg_postmaster_start_time()
	Loaded   time.Time        `json:"loaded"`             // pg_conf_load_time()
	Sessions map[string]int64 `json:"sessions,omitempty"` // pg_stat_database.sessions by database, as far as the log carries its name
	Good     bool             `json:"good,omitempty"`     // the settings showed logins

	Starting  bool      `json:"starting,omitempty"`  // the log holds the entry of Started
	Ready     bool      `json:"ready,omitempty"`     // and the one that says that connections are accepted
	Reload    bool      `json:"reload,omitempty"`    // and of Loaded
	Logins    int64     `json:"logins,omitempty"`    // in the log from this look to the next, as far as they are counted
	Contested int64     `json:"contested,omitempty"` // entries that may be further ones
	Near      int64     `json:"near,omitempty"`      // those of both that are near this look, which count for the stretch before it, too
	CountedTo time.Time `json:"countedTo,omitzero"`
	Uncounted bool      `json:"uncounted,omitempty"` // part of the log was read in rows that cannot be placed in time, or has expired
}

// Witnesses: what an instance tells of itself, which its log must bear out.
const (
	byReload   = "reload"
	byRestart  = "restart"
	bySessions = "sessions"
	bySums     = "sums" // counts of sessions over several looks
)

// witnesses is the column sessions: {"looks":[…],"pids":[…],"pidsOf","agreed":[…],"short":[…],"former"}. The looks are in order of time; the last is the newest.
type witnesses struct {
	Looks  []Look    `json:"looks,omitempty"`
	PIDs   []int     `json:"pids,omitempty"`   // of the postmaster, which alone writes of reloads, restarts and settings
	PIDsOf time.Time `json:"pidsOf,omitzero"`  // the latest start of the server of which one of them is known
	Agreed []string  `json:"agreed,omitempty"` // the witnesses with which the log has agreed once

	Short  []shortfall `json:"short,omitempty"`  // of the looks that are done with, in order of time
	Former string      `json:"former,omitempty"` // the name that the instance had at the first look, until what its log showed is counted
}

// decodeWitnesses takes a column that it cannot read for an empty one: then nothing is compared with it.
func decodeWitnesses(column string) witnesses {
	var w witnesses
	if column == "" || json.Unmarshal([]byte(column), &w) != nil {
		return witnesses{}
	}
	return w
}

func (w witnesses) encode() string {
	if len(w.Looks) == 0 && len(w.Agreed) == 0 {
		return ""
	}
	text, err := json.Marshal(w)
	if err != nil {
		return "" // times, numbers and strings: nothing here fails to encode
	}
	return string(text)
}

func (w *witnesses) agree(with string) {
	if !slices.Contains(w.Agreed, with) {
		w.Agreed = append(w.Agreed, with)
	}
}

// trusted reports that a witness has agreed with the log of some instance of this cluster. Until then a contradiction may be the
// witness's own: on Aurora none of them has been tried.
func (e *Evidence) trusted(witness string) bool {
	return slices.ContainsFunc(e.Instances, func(i *Instance) bool { return slices.Contains(i.witnesses.Agreed, witness) })
}

// lookSlack is how far a count of sessions and the log's lines may be apart in time.
const lookSlack = 5 * time.Second

// window is the stretch of the log whose logins are held against the counts of two looks. to is 0 for the newest look, whose next
// has not come. Times are ms since 1970.
type window struct {
	from, to, counted       int64
	nearTo                  int64 // what is near the earlier look
	logins, contested, near count
	total, doubtful, nearby int64 // all of each, known once the log is read
}

// count is a number of entries.
type count struct {
	early int64           // that no later run reads again
	late  map[int64]int32 // by second, which one may
}

// splitAfter is how long ago a login must be for no later run to read it again.
const splitAfter = 2*maxReread + day

// watch counts the logins between looks, and has the entries found that they tell of.
func (in *instanceLog) watch(w witnesses) {
	in.looks = w.Looks
	for _, pid := range w.PIDs {
		in.postmasters[pid] = true
	}
	for n, look := range w.Looks {
		stretch := window{from: look.At.Add(-lookSlack).UnixMilli(), nearTo: look.At.Add(lookSlack).UnixMilli(),
			logins: count{late: map[int64]int32{}}, contested: count{late: map[int64]int32{}}, near: count{late: map[int64]int32{}}}
		if !look.CountedTo.IsZero() {
			stretch.counted = look.CountedTo.UnixMilli()
		}
		if n+1 < len(w.Looks) {
			stretch.to = w.Looks[n+1].At.Add(lookSlack).UnixMilli()
		}
		in.windows = append(in.windows, stretch)
	}
}

// countLogin counts an authorized login that nothing has refused.
func (in *instanceLog) countLogin(at int64) {
	for n := range in.windows {
		if w := &in.windows[n]; w.takes(at) {
			w.logins.add(at, in.splitAt)
			w.noteNear(at, in.splitAt)
		}
	}
}

// countContested counts an entry that may be a login: it can explain a session, and bears nothing out.
func (in *instanceLog) countContested(at int64) {
	for n := range in.windows {
		if w := &in.windows[n]; w.takes(at) {
			w.contested.add(at, in.splitAt)
			w.noteNear(at, in.splitAt)
		}
	}
}

func (w *window) takes(at int64) bool {
	return at >= w.from && at >= w.counted && (w.to == 0 || at <= w.to)
}

func (w *window) noteNear(at, splitAt int64) {
	if at <= w.nearTo {
		w.near.add(at, splitAt)
	}
}

func (c *count) add(at, splitAt int64) {
	if at < splitAt {
		c.early++
	} else {
		c.late[at/1000]++
	}
}

// before counts those before a time; 0 = all.
func (c *count) before(t time.Time) int64 {
	n := c.early
	for second, number := range c.late {
		if t.IsZero() || second < t.Unix() {
			n += int64(number)
		}
	}
	return n
}

// growth is by how much the counts of sessions grew from one look to the next; false where a count fell, as after a crash, or
// there is nothing to compare. Databases that were made or dropped between the two do not count.
func growth(a, b Look) (n int64, ok bool) {
	for database, count := range b.Sessions {
		before, known := a.Sessions[database]
		switch {
		case !known:
		case count < before:
			return 0, false
		default:
			n, ok = n+count-before, true
		}
	}
	return n, ok
}
