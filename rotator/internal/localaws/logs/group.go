package logs

import (
	"cmp"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// logGroup is a log group and its streams.
type logGroup struct {
	name          string
	class         types.LogGroupClass
	created       time.Time
	implied       bool  // nobody told when it was created: it is as old as its oldest event
	retentionDays int32 // 0 = for ever
	storedBytes   int64 // 0 = what the streams hold
	protection    DataProtection
	streams       map[string]*logStream
}

// LogGroup is what a log group is, besides its name and its streams.
type LogGroup struct {
	Class         types.LogGroupClass // "" = STANDARD
	Created       time.Time           // zero = when it was made, or the time of its oldest event
	RetentionDays int32               // 0 = for ever
	StoredBytes   int64               // what DescribeLogGroups tells of, 0 = what the streams hold
	Protection    DataProtection      // the group's own policy
}

// DataProtection is a policy that masks parts of messages. Which parts is decided when an event arrives: what came before, or
// while another policy stood, stays as it was then. Events of a [LogSource] are masked as they are read.
type DataProtection struct {
	// Status is the policy's; only an ACTIVATED one masks. "" = there never was one.
	Status types.DataProtectionStatus
	// Sensitive are the patterns of what is masked.
	Sensitive []*regexp.Regexp
	// Mask stands in place of each match, "" = an asterisk for each of its characters: how many the service writes is not
	// documented.
	Mask string
}

// SetLogGroup makes a log group, or changes the one of that name and keeps its streams.
func (l *Store) SetLogGroup(name string, g LogGroup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	group := l.ensureGroup(name)
	group.class = cmp.Or(g.Class, types.LogGroupClassStandard)
	group.retentionDays, group.storedBytes, group.protection = g.RetentionDays, g.StoredBytes, g.Protection
	if !g.Created.IsZero() {
		group.created, group.implied = g.Created, false
	}
}

// SetAccountDataProtection has a policy of the account apply to every group besides the group's own.
func (l *Store) SetAccountDataProtection(p DataProtection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.protection = p
}

// DenyUnmask has requests that ask for unmasked text be refused, as they are without the permission logs:Unmask.
func (l *Store) DenyUnmask(denied bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unmaskDenied = denied
}

// SetLogClock has CloudWatch Logs take the time from now, by which it tells what has arrived, what retention hides and which
// requests are too many; nil = the machine's clock.
func (l *Store) SetLogClock(now func() time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now == nil {
		now = time.Now
	}
	l.now = now
}

// ensureGroup finds a group, and makes it where it is missing.
func (l *Store) ensureGroup(name string) *logGroup {
	if l.groups[name] == nil {
		l.groups[name] = l.newGroup(name, types.LogGroupClassStandard)
		l.groups[name].implied = true
	}
	return l.groups[name]
}

func (l *Store) newGroup(name string, class types.LogGroupClass) *logGroup {
	return &logGroup{name: name, class: class, created: l.now(), streams: map[string]*logStream{}}
}

// reach has a group of which nobody told when it was created be no younger than t.
func (g *logGroup) reach(t time.Time) {
	if g.implied && t.Before(g.created) {
		g.created = t
	}
}

// horizon is the time before which the group's retention hides events.
func (g *logGroup) horizon(now time.Time) time.Time {
	if g.retentionDays == 0 {
		return time.UnixMilli(0)
	}
	return now.AddDate(0, 0, -int(g.retentionDays))
}

// requireReading refuses operation, which reads single events, where the group's class does not have it.
func (g *logGroup) requireReading(operation string) error {
	if g.class == types.LogGroupClassStandard {
		return nil
	}
	return &protocol.Error{Code: "InvalidOperationException", Status: 400, Message: "The log group " + g.name +
		" is of log-group-class " + string(g.class) + ". " + operation + " is not supported for this log class."}
}

// size is the bytes that DescribeLogGroups tells of.
func (g *logGroup) size() int64 {
	var held int64
	for _, s := range g.streams {
		held += s.bytes
	}
	return cmp.Or(g.storedBytes, held)
}
