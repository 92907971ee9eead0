// Package report is what a sweep tells: its answer, and what people and programs read of it. It is pure.
package report

import "time"

// Report is what a sweep answers. Times are UTC; lists are empty, never null.
type Report struct {
	SecretID      string       `json:"secretId"`
	DryRun        bool         `json:"dryRun"` // nothing was changed: the lists say what would have been
	StartedAt     time.Time    `json:"startedAt"`
	FinishedAt    time.Time    `json:"finishedAt"`
	Evidence      Evidence     `json:"evidence"`
	Policy        Policy       `json:"policy"`
	Counts        Counts       `json:"counts"`
	Locked        []Closed     `json:"locked"`
	Deleted       []Closed     `json:"deleted"`
	Unlocked      []Closed     `json:"unlocked"`
	Spared        []Spared     `json:"spared"`   // roles that are due but for what the second reading found
	Upcoming      []Upcoming   `json:"upcoming"` // roles to be locked within 14 days
	Held          Held         `json:"held"`
	NotManaged    []NotManaged `json:"notManaged"`
	ReadyToDelete []Ready      `json:"readyToDelete"`
	Failed        []Failed     `json:"failed"`
	Unwritten     []string     `json:"unwritten,omitempty"`   // files of REPORT_BUCKET that are not there, each with the cause
	NotImported   []string     `json:"notImported,omitempty"` // findings that Security Hub has not taken, each with the cause
	Exceptions    []Exception  `json:"exceptions"`
	IAM           *IAM         `json:"iam,omitempty"` // who may log in by IAM; nil = IAM_REVIEW is off
	ReportURI     string       `json:"reportUri,omitempty"`

	NewlyReady []string `json:"-"` // marked ReadyToDelete by this run
	Cluster    string   `json:"-"` // its name, for people; "" = not known
}

// New is the report of a sweep that begins now, every list of it empty.
func New(secretID string, dryRun bool, policy Policy) Report {
	return Report{
		SecretID: secretID, DryRun: dryRun, StartedAt: time.Now().UTC().Truncate(time.Millisecond), Policy: policy,
		Evidence: Evidence{Reasons: []string{}, Notes: []string{}, Gaps: []Gap{}, Unread: []Unread{}, Instances: []Instance{}},
		Locked:   []Closed{}, Deleted: []Closed{}, Unlocked: []Closed{}, Spared: []Spared{}, Upcoming: []Upcoming{},
		Held: Held{Users: []string{}}, NotManaged: []NotManaged{}, ReadyToDelete: []Ready{}, Failed: []Failed{}, Exceptions: []Exception{},
	}
}

// Evidence is what is known of who was active, and whether it is enough to act on.
type Evidence struct {
	Complete      bool          `json:"complete"`
	From          *time.Time    `json:"from"`    // since when every instance's record is unbroken; null = not known
	To            *time.Time    `json:"to"`      // up to when the logs of all instances are read; null = not known
	Reasons       []string      `json:"reasons"` // why it is not complete, each with what to do
	Notes         []string      `json:"notes"`   // what was noticed, and keeps nobody from being judged
	Reader        string        `json:"reader"`  // FilterLogEvents or LogsInsights; "" = nothing was read
	Why           string        `json:"why"`     // it was read so, in a clause
	Bytes         int64         `json:"bytes"`   // received, or scanned by queries
	Gaps          []Gap         `json:"gaps"`
	Unread        []Unread      `json:"unread"`
	SecondReading SecondReading `json:"secondReading"`
	Instances     []Instance    `json:"instances"`
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

// SecondReading is what the second reading has covered, this run and those before together; its bytes are this run's.
type SecondReading struct {
	Reader string     `json:"reader"`
	Why    string     `json:"why"`
	From   *time.Time `json:"from"`
	To     *time.Time `json:"to"`
	Roles  int        `json:"roles"`
	Bytes  int64      `json:"bytes"`
}

// Instance is what this run read of one instance's log.
type Instance struct {
	Name           string    `json:"name"`
	From           time.Time `json:"from"`
	To             time.Time `json:"to"`
	Events         int       `json:"events"`
	Logins         int       `json:"logins"`
	Suspicious     int       `json:"suspicious"`     // events that PostgreSQL does not write for an honest client
	LongestSilence int64     `json:"longestSilence"` // seconds between two events
	LongestDelay   int64     `json:"longestDelay"`   // seconds that an event took to arrive, in the last 30 days
}

// Policy is the intervals that applied; null = never.
type Policy struct {
	LockDays   *int   `json:"lockDays"`
	DeleteDays *int   `json:"deleteDays"`
	Mode       string `json:"mode"`   // act, or report in a dry run
	Source     string `json:"source"` // where it comes from
	Tags       []Tag  `json:"tags,omitempty"`
}

// Tag is a tag of the secret that speaks of the policy. Whoever may tag the secret can spare roles by it: each is told.
type Tag struct {
	Key   string `json:"tag"`
	Value string `json:"value"`
	Used  bool   `json:"used"`
	Why   string `json:"why,omitempty"` // it is not used, or not as it stands
}

// Counts are the roles that the sweep looks after, by status, and those on IGNORE_USER_LIST, which are in no other count.
type Counts struct {
	Tracked       int `json:"tracked"`
	Active        int `json:"active"`
	Locked        int `json:"locked"`
	ReadyToDelete int `json:"readyToDelete"`
	Ignored       int `json:"ignored"`
}

// IAMLogin marks a role that logs in with an IAM token: its permission should be withdrawn too.
type IAMLogin struct {
	IAM      bool   `json:"iam,omitempty"`
	Resource string `json:"resource,omitempty"` // of the rds-db:connect permission
	// Withdraw are the statements to take back once the role is closed, where IAM's policies are known.
	Withdraw []Permit `json:"withdraw,omitempty"`
}

// Closed is a role that was locked, unlocked or dropped.
type Closed struct {
	User         string    `json:"user"`
	LastActivity time.Time `json:"lastActivity"`
	IdleDays     int       `json:"idleDays"`
	Reason       string    `json:"reason,omitempty"` // of an unlock
	Unseen       bool      `json:"-"`                // no activity is known: LastActivity is when it was first seen to exist
	IAMLogin
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
	IAMLogin
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
	IAMLogin
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

// Exception is an entry of IGNORE_USER_LIST.
type Exception struct {
	User    string `json:"user"`   // a name, or a pattern in which * stands for any text
	Reason  string `json:"reason"` // as the operator gives it
	Until   string `json:"until"`  // the last day of the protection, YYYY-MM-DD in UTC; "" = for good
	By      string `json:"by"`
	Expired bool   `json:"expired"` // it protects nobody any more
	Ends    bool   `json:"-"`       // within thirty days
}

// IAM is who may log in by IAM token, as the account's policies and the database's roles have it.
type IAM struct {
	Complete    bool       `json:"complete"`    // IAM told everything; where it did not, the lists lack what Notes name
	Access      []Access   `json:"access"`      // of each member of rds_iam whom a policy admits
	Orphans     []Permit   `json:"orphans"`     // permissions for users or databases that do not exist
	Unreachable []string   `json:"unreachable"` // members of rds_iam whom no policy admits
	Broad       []Permit   `json:"broad"`       // permissions for every user, or for every database
	Failed      []Failures `json:"failed"`      // members of rds_iam who were turned away in what this run read
	Notes       []string   `json:"notes"`       // what was not judged, and why
}

// Failures counts the logins of a role that were refused, for whatever reason.
type Failures struct {
	User     string `json:"user"`
	Attempts int    `json:"attempts"`
}

// Access is who may log in as one role.
type Access struct {
	User       string      `json:"user"`
	Principals []Principal `json:"principals"`
}

// Principal is a user or role of IAM that may log in, and what allows it.
type Principal struct {
	ARN        string     `json:"arn"`
	Policy     string     `json:"policy"`
	Statement  string     `json:"statement"`  // its Sid, or its number in the policy
	Conditions []string   `json:"conditions"` // named and not judged
	LastUsed   *time.Time `json:"lastUsed"`   // of a role, by anybody and for anything; null = not known
}

// Permit is a permission that a review finds fault with.
type Permit struct {
	Principal string `json:"principal"`
	Policy    string `json:"policy"`
	Statement string `json:"statement"`
	Resource  string `json:"resource"` // as the policy writes it
	Why       string `json:"why"`

	Everywhere bool `json:"-"` // it is so whichever database of the account is reviewed
}
