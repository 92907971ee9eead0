package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The tags of a secret that speak of the policy for its database.
const (
	tagPrefix     = "pgrotator:"
	TagLockDays   = tagPrefix + "lock-days"   // a number of days, or never
	TagDeleteDays = tagPrefix + "delete-days" // the same
	TagIgnore     = tagPrefix + "ignore"      // names of roles, or patterns with *, separated by blanks
	TagMode       = tagPrefix + "mode"        // report, or act
	tagMirrorOf   = tagPrefix + "mirror-of"   // rotation's: it marks a mirror
)

// never is the value of an interval that has no end.
const never = "never"

// maxDays is the longest interval, as the environment has it.
const maxDays = 36500

// Terms are what a secret's tags may make gentler.
type Terms struct {
	LockDays   int      // 0 = never
	DeleteDays int      // 0 = never
	Ignored    []string // names of roles, or patterns with *, that the tags have left alone
	ReportOnly bool     // nobody is locked or dropped
}

// Tag is a tag that speaks of the policy, and what came of it.
type Tag struct {
	Key, Value string
	Used       bool
	Unreadable bool   // nobody is locked or dropped until it is mended
	Why        string // it is not used, or not as it stands; "" = it is used as it stands
}

// Gentler is the operator's terms as the secret's tags change them, and those tags, in order of their keys.
//
// Whoever may tag a secret can close nobody's account: an interval can become longer only, and as much time as the operator has set
// between a lock and the drop stays between them, or a late lock would be an early drop. What cannot be read may have been meant to
// spare somebody: then nobody is locked or dropped.
func (t Terms) Gentler(tags map[string]string) (Terms, []Tag) {
	g := gentler{operator: t, terms: t}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if strings.HasPrefix(strings.ToLower(key), tagPrefix) && key != tagMirrorOf {
			g.read(key, tags[key])
		}
	}
	g.keepPause()
	return g.terms, g.tags
}

// gentler is terms in the making.
type gentler struct {
	operator, terms Terms
	tags            []Tag
	unread          bool // the tag at hand
}

func (g *gentler) read(key, value string) {
	tag := Tag{Key: key, Value: value}
	g.unread = false
	switch key {
	case TagLockDays:
		tag.Why = g.lengthen(&g.terms.LockDays, value)
	case TagDeleteDays:
		tag.Why = g.lengthen(&g.terms.DeleteDays, value)
	case TagIgnore:
		tag.Why = g.ignore(value)
	case TagMode:
		tag.Why = g.mode(value)
	default:
		tag.Why = g.unreadable("no tag of that name is known")
	}
	tag.Used, tag.Unreadable = tag.Why == "", g.unread
	g.tags = append(g.tags, tag)
}

// unreadable is why a tag is not used, and has nobody locked or dropped until it is mended.
func (g *gentler) unreadable(why string) string {
	g.terms.ReportOnly, g.unread = true, true
	return why + ": until that is mended nobody is locked or dropped"
}

// lengthen sets an interval to a tag's value where that is no shorter.
func (g *gentler) lengthen(days *int, value string) (why string) {
	wanted, err := strconv.Atoi(value)
	switch {
	case value == never:
		wanted = 0
	case err != nil || wanted < 1 || wanted > maxDays:
		return g.unreadable(fmt.Sprintf("expected a whole number of days from 1 to %d, or never", maxDays))
	}
	if *days == 0 && wanted != 0 {
		return "it is harsher than the operator's policy, which is never"
	}
	if wanted != 0 && wanted < *days {
		return fmt.Sprintf("it is harsher than the operator's policy, which is %d days", *days)
	}
	*days = wanted
	return ""
}

func (g *gentler) ignore(value string) (why string) {
	names := strings.Fields(value)
	if len(names) == 0 {
		return g.unreadable("it holds no name")
	}
	g.terms.Ignored = append(slices.Clone(g.terms.Ignored), names...)
	return ""
}

func (g *gentler) mode(value string) (why string) {
	switch {
	case value == "report":
		g.terms.ReportOnly = true
	case value != "act":
		return g.unreadable("expected report or act")
	case g.operator.ReportOnly:
		return "it is harsher than the operator's policy, which is report"
	}
	return ""
}

// keepPause keeps the time between lock and drop as long as the operator has it.
func (g *gentler) keepPause() {
	t := &g.terms
	if g.operator.LockDays == 0 || t.DeleteDays == 0 {
		return
	}
	least := 0 // nobody is dropped who was not locked first
	if t.LockDays > 0 {
		least = t.LockDays + g.operator.DeleteDays - g.operator.LockDays
	}
	if t.LockDays > 0 && t.DeleteDays >= least {
		return
	}
	t.DeleteDays = least
	g.explainPause()
}

// explainPause says at the tags of the intervals that one of them makes the other longer than it stands there.
func (g *gentler) explainPause() {
	pause := fmt.Sprintf("roles are dropped no sooner than %d days after they are locked, as the operator's policy has it: after %d idle days",
		g.operator.DeleteDays-g.operator.LockDays, g.terms.DeleteDays)
	if g.terms.LockDays == 0 {
		pause = "roles that are never locked are never dropped, as the operator's policy has them locked first"
	}
	for i := range g.tags {
		if tag := &g.tags[i]; tag.Used && (tag.Key == TagLockDays || tag.Key == TagDeleteDays) {
			tag.Why = pause
		}
	}
}
