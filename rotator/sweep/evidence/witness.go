package evidence

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/loginlog"
)

// Look is what a run saw of an instance first thing after its login: what a log that is complete must bear out.
type Look struct {
	At      time.Time `json:"at"`
	Started time.Time `json:"started"`        // pg_postmaster_start_time()
	Loaded  time.Time `json:"loaded"`         // pg_conf_load_time()
	Good    bool      `json:"good,omitempty"` // the settings showed logins

	Sessions map[string]account.SessionCount `json:"sessions,omitempty"` // by database, as far as the log carries its name

	Starting  bool             `json:"starting,omitempty"`  // the log holds the entry of Started
	Ready     bool             `json:"ready,omitempty"`     // and the one that says that connections are accepted
	Reload    bool             `json:"reload,omitempty"`    // and of Loaded
	Logins    map[string]int64 `json:"logins,omitempty"`    // in the log from this look to the next, up to CountedTo, by database
	Contested map[string]int64 `json:"contested,omitempty"` // entries that may be further ones
	Near      map[string]int64 `json:"near,omitempty"`      // those of both near this look, which count for the stretch before it, too
	CountedTo time.Time        `json:"countedTo,omitzero"`
	Uncounted bool             `json:"uncounted,omitempty"` // part of the log has expired, or was counted in another way
	InRows    bool             `json:"inRows,omitempty"`    // part of it was read in rows without a time
}

// UnmarshalJSON keeps of a look of an earlier version, which had counts in other shapes, all but these.
func (l *Look) UnmarshalJSON(text []byte) error {
	type fields Look
	err := json.Unmarshal(text, (*fields)(l))
	if other := (*json.UnmarshalTypeError)(nil); errors.As(err, &other) { // all that is of its type has been decoded
		l.Sessions, l.Logins, l.Contested, l.Near, l.Uncounted = nil, nil, nil, nil, true
		return nil
	}
	return err
}

// Witnesses: what an instance tells of itself, which its log must bear out.
const (
	byReload   = "reload"
	byRestart  = "restart"
	bySessions = "sessions"
	bySums     = "sums" // counts of sessions over several looks
)

// witnesses is the column sessions: {"looks":[…],"pids":[…],"pidsOf","agreed":[…],"short":[…],"former"}. The looks are in order of
// time; the last is the newest.
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
	logins, contested, near counts
	logged, unsure          map[string]int64 // all of the first two by database, known once the log is read
	total, doubtful, nearby int64            // all of each in the databases by which the looks on both sides are compared
	recounted               map[string]int64 // logins by database as rows of just this stretch count them; nil = they were not asked
}

// counts are numbers of entries by database, of those whose sessions a look counts: no login of another can bear out their counts.
type counts map[string]*count

// count is a number of entries.
type count struct {
	early int64           // that no later run reads again
	late  map[int64]int32 // by second, which one may
}

func countsOf(look Look) counts {
	c := make(counts, len(look.Sessions))
	for database := range look.Sessions {
		c[database] = &count{}
	}
	return c
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
		stretch := window{from: look.At.Add(-lookSlack).UnixMilli(), nearTo: look.At.Add(lookSlack).UnixMilli(), logins: countsOf(look), contested: countsOf(look), near: countsOf(look)}
		if !look.CountedTo.IsZero() {
			stretch.counted = look.CountedTo.UnixMilli()
		}
		if n+1 < len(w.Looks) {
			stretch.to = w.Looks[n+1].At.Add(lookSlack).UnixMilli()
		}
		in.windows = append(in.windows, stretch)
		for database := range look.Sessions {
			in.databases[database] = database
		}
	}
}

// databaseOf is the database that counts the session of a login, as far as the looks tell; "" = none does. pg_stat_database has no
// connection for replication, of a walsender with a database neither (pgstat_report_connect).
func (in *instanceLog) databaseOf(e loginlog.Event) string {
	if e.Replication {
		return ""
	}
	return in.databases[e.Database]
}

// countLogin counts an authorized login that nothing has refused.
func (in *instanceLog) countLogin(database string, at int64) {
	for n := range in.windows {
		if w := &in.windows[n]; w.takes(at) {
			w.logins.add(database, at, in.splitAt)
			w.noteNear(database, at, in.splitAt)
		}
	}
}

// countContested counts an entry that may be a login: it can explain a session, and bears nothing out.
func (in *instanceLog) countContested(database string, at int64) {
	for n := range in.windows {
		if w := &in.windows[n]; w.takes(at) {
			w.contested.add(database, at, in.splitAt)
			w.noteNear(database, at, in.splitAt)
		}
	}
}

func (w *window) takes(at int64) bool {
	return at >= w.from && at >= w.counted && (w.to == 0 || at <= w.to)
}

func (w *window) noteNear(database string, at, splitAt int64) {
	if at <= w.nearTo {
		w.near.add(database, at, splitAt)
	}
}

func (c counts) add(database string, at, splitAt int64) {
	n := c[database]
	switch {
	case n == nil:
	case at < splitAt:
		n.early++
	default:
		if n.late == nil {
			n.late = map[int64]int32{}
		}
		n.late[at/1000]++
	}
}

// with are the counts of earlier runs and those before a time together; zero = all.
func (c counts) with(earlier map[string]int64, t time.Time) map[string]int64 {
	sums := make(map[string]int64, len(c))
	for database, n := range c {
		if sum := earlier[database] + n.before(t); sum > 0 {
			sums[database] = sum
		}
	}
	return sums
}

// only leaves of counts those of databases that others have, too.
func only(counts, others map[string]int64) map[string]int64 {
	both := map[string]int64{}
	for database, n := range counts {
		if _, known := others[database]; known {
			both[database] = n
		}
	}
	return both
}

func sum(counts map[string]int64) (total int64) {
	for _, n := range counts {
		total += n
	}
	return total
}

// before counts those before a time; zero = all.
func (c *count) before(t time.Time) int64 {
	n := c.early
	for second, number := range c.late {
		if t.IsZero() || second < t.Unix() {
			n += int64(number)
		}
	}
	return n
}

// growth is by how much the count of each database grew from one look to the next, of those by which the two are compared:
//
//	made or dropped between them, renamed (the log has two names of it), or another under the name   left out
//	its count fell: somebody reset it                                                                left out
//	most counts fell: the server crashed                                                             all are left out
func growth(a, b Look) map[string]int64 {
	grown, fell, rose := map[string]int64{}, 0, 0
	for name, now := range b.Sessions {
		before, known := a.Sessions[name]
		switch {
		case !known || before.OID != now.OID:
			continue
		case now.Count < before.Count:
			fell++
			continue
		case before.Count > 0:
			rose++ // or stayed; from 0 none can fall
		}
		grown[name] = now.Count - before.Count
	}
	if fell > rose {
		return nil
	}
	return grown
}
