package sweep

import (
	"time"

	"pgrotator/rotator/logread"
)

// Report is what a sweep answers. Times are UTC; lists are empty, never null.
type Report struct {
	SecretID      string         `json:"secretId"`
	DryRun        bool           `json:"dryRun"` // nothing was changed: the lists say what would have been
	StartedAt     time.Time      `json:"startedAt"`
	FinishedAt    time.Time      `json:"finishedAt"`
	Evidence      EvidenceReport `json:"evidence"`
	Policy        PolicyReport   `json:"policy"`
	Counts        Counts         `json:"counts"`
	Locked        []Closed       `json:"locked"`
	Deleted       []Closed       `json:"deleted"`
	Unlocked      []Closed       `json:"unlocked"`
	Spared        []Spared       `json:"spared"`   // roles that are due but for what the second reading found
	Upcoming      []Upcoming     `json:"upcoming"` // roles to be locked within 14 days
	Held          Held           `json:"held"`
	NotManaged    []NotManaged   `json:"notManaged"`
	ReadyToDelete []Ready        `json:"readyToDelete"`
	Failed        []Failed       `json:"failed"`

	newlyReady []string // marked ReadyToDelete by this run
	cluster    string   // for people
}

// EvidenceReport is what is known of who was active, and whether it is enough to act on.
type EvidenceReport struct {
	Complete      bool                `json:"complete"`
	From          *time.Time          `json:"from"`    // since when every instance's record is unbroken; null = not known
	To            *time.Time          `json:"to"`      // up to when the logs of all instances are read; null = not known
	Reasons       []string            `json:"reasons"` // why it is not complete, each with what to do
	Notes         []string            `json:"notes"`   // what was noticed, and keeps nobody from being judged
	Reader        string              `json:"reader"`  // FilterLogEvents or LogsInsights; "" = nothing was read
	Bytes         int64               `json:"bytes"`   // received, or scanned by queries
	Gaps          []Gap               `json:"gaps"`
	Unread        []Unread            `json:"unread"`
	SecondReading SecondReadingReport `json:"secondReading"`
	Instances     []InstanceReport    `json:"instances"`
}

// Gap is a stretch of an instance's log that nobody can vouch for.
type Gap struct {
	Instance string    `json:"instance"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Cause    string    `json:"cause"`
}

// Unread counts log entries that could not be read, or are of no known kind.
type Unread struct {
	Instance string `json:"instance"`
	Shape    string `json:"shape"`
	Count    int    `json:"count"`
}

// SecondReadingReport is what the second reading has covered, this run and those before together; its bytes are this run's.
type SecondReadingReport struct {
	Reader string     `json:"reader"`
	From   *time.Time `json:"from"`
	To     *time.Time `json:"to"`
	Roles  int        `json:"roles"`
	Bytes  int64      `json:"bytes"`
}

// chose notes how a group is read. One that is read by Logs Insights names the reader of all.
func (e *EvidenceReport) chose(c logread.Choice) {
	if e.Reader == "" || c.Way == logread.LogsInsights {
		e.Reader = string(c.Way)
	}
	if c.Way == logread.LogsInsights {
		e.Notes = append(e.Notes, "The log is read by Logs Insights: "+c.Why+".")
	}
}

// InstanceReport is what this run read of one instance's log.
type InstanceReport struct {
	Name           string    `json:"name"`
	From           time.Time `json:"from"`
	To             time.Time `json:"to"`
	Events         int       `json:"events"`
	Logins         int       `json:"logins"`
	Suspicious     int       `json:"suspicious"`     // events that PostgreSQL does not write for an honest client
	LongestSilence int64     `json:"longestSilence"` // seconds between two events
	LongestDelay   int64     `json:"longestDelay"`   // seconds that an event took to arrive, in the last 30 days
}

// PolicyReport is the intervals that applied; null = never.
type PolicyReport struct {
	LockDays   *int   `json:"lockDays"`
	DeleteDays *int   `json:"deleteDays"`
	Mode       string `json:"mode"`   // act, or report in a dry run
	Source     string `json:"source"` // where it comes from
}

// Counts are the roles that the sweep looks after, by status, and those on IGNORE_USER_LIST, which are in no other count.
type Counts struct {
	Tracked       int `json:"tracked"`
	Active        int `json:"active"`
	Locked        int `json:"locked"`
	ReadyToDelete int `json:"readyToDelete"`
	Ignored       int `json:"ignored"`
}

// IAM marks a role that logs in with an IAM token: its permission should be withdrawn too.
type IAM struct {
	IAM      bool   `json:"iam,omitempty"`
	Resource string `json:"resource,omitempty"` // of the rds-db:connect permission
}

// Closed is a role that was locked, unlocked or dropped.
type Closed struct {
	User         string    `json:"user"`
	LastActivity time.Time `json:"lastActivity"`
	IdleDays     int       `json:"idleDays"`
	Reason       string    `json:"reason,omitempty"` // of an unlock
	IAM
}

// Spared is a role that is due, but for an entry that the second reading found.
type Spared struct {
	User     string    `json:"user"`
	At       time.Time `json:"at"`
	Instance string    `json:"instance"`
	Kind     string    `json:"kind"` // of the entry
}

// Upcoming is a role that will be locked if it stays idle.
type Upcoming struct {
	User       string `json:"user"`
	IdleDays   int    `json:"idleDays"`
	LockInDays int    `json:"lockInDays"`
	IAM
}

// Held is what MAX_CHANGES_PER_RUN kept from being done.
type Held struct {
	Reason string   `json:"reason"`
	Users  []string `json:"users"`
}

// NotManaged is a role that the sweep leaves alone, whatever it does.
type NotManaged struct {
	User   string `json:"user"`
	Reason string `json:"reason"`
}

// Ready is a role to be dropped that something still stands in the way of.
type Ready struct {
	User         string    `json:"user"`
	LastActivity time.Time `json:"lastActivity"`
	IdleDays     int       `json:"idleDays"`
	Owns         []Owned   `json:"owns"`
	Statements   []string  `json:"statements"` // for psql, as the master user; in order
	IAM
}

// Owned is what depends on a role in one database: what it owns, and grants to it.
type Owned struct {
	Database string `json:"database"` // "" = shared by the whole cluster
	Objects  int    `json:"objects"`
}

// Failed is a role for which something that is due was not done.
type Failed struct {
	User  string `json:"user"`
	Error string `json:"error"`
	Fix   string `json:"fix"`
}

func newReport(secretID string, dryRun bool, o Options) Report {
	return Report{
		SecretID: secretID, DryRun: dryRun, StartedAt: time.Now().UTC().Truncate(time.Millisecond),
		Evidence: EvidenceReport{Reasons: []string{}, Notes: []string{}, Gaps: []Gap{}, Unread: []Unread{}, Instances: []InstanceReport{}},
		Policy:   PolicyReport{LockDays: interval(o.LockDays), DeleteDays: interval(o.DeleteDays), Mode: mode(dryRun), Source: "environment"},
		Spared:   []Spared{},
		Locked:   []Closed{}, Deleted: []Closed{}, Unlocked: []Closed{}, Upcoming: []Upcoming{},
		Held: Held{Users: []string{}}, NotManaged: []NotManaged{}, ReadyToDelete: []Ready{}, Failed: []Failed{},
	}
}

func mode(dryRun bool) string {
	if dryRun {
		return "report"
	}
	return "act"
}

func interval(days int) *int {
	if days == 0 {
		return nil
	}
	return &days
}
