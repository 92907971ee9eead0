package policy_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/sweep/policy"
)

func TestTagsMakeThePolicyGentler(t *testing.T) {
	t.Parallel()
	operator := policy.Terms{LockDays: 90, DeleteDays: 180}
	none := ""
	for name, c := range map[string]struct {
		operator policy.Terms
		tags     map[string]string
		want     policy.Terms
		why      map[string]string // part of it, by key; none = used as it stands
	}{
		"no tags":           {operator, nil, operator, nil},
		"tags of others":    {operator, map[string]string{"team": "blue", "pgrotator": "sweep", "pgrotator:mirror-of": "arn"}, operator, nil},
		"longer":            {operator, map[string]string{policy.TagLockDays: "100", policy.TagDeleteDays: "400"}, policy.Terms{LockDays: 100, DeleteDays: 400}, map[string]string{policy.TagLockDays: none, policy.TagDeleteDays: none}},
		"the same":          {operator, map[string]string{policy.TagLockDays: "90", policy.TagMode: "act"}, operator, map[string]string{policy.TagLockDays: none, policy.TagMode: none}},
		"shorter":           {operator, map[string]string{policy.TagLockDays: "30", policy.TagDeleteDays: "179"}, operator, map[string]string{policy.TagLockDays: "harsher than the operator's policy, which is 90 days", policy.TagDeleteDays: "which is 180 days"}},
		"where never":       {policy.Terms{}, map[string]string{policy.TagLockDays: "3000", policy.TagDeleteDays: "never"}, policy.Terms{}, map[string]string{policy.TagLockDays: "which is never", policy.TagDeleteDays: none}},
		"never dropped":     {operator, map[string]string{policy.TagDeleteDays: "never"}, policy.Terms{LockDays: 90}, map[string]string{policy.TagDeleteDays: none}},
		"never locked":      {operator, map[string]string{policy.TagLockDays: "never"}, policy.Terms{}, map[string]string{policy.TagLockDays: "never dropped"}},
		"late lock":         {operator, map[string]string{policy.TagLockDays: "179"}, policy.Terms{LockDays: 179, DeleteDays: 269}, map[string]string{policy.TagLockDays: "after 269 idle days"}},
		"contradiction":     {operator, map[string]string{policy.TagLockDays: "300", policy.TagDeleteDays: "200"}, policy.Terms{LockDays: 300, DeleteDays: 390}, map[string]string{policy.TagLockDays: "90 days after they are locked", policy.TagDeleteDays: "90 days after they are locked"}},
		"dropped unlocked":  {policy.Terms{DeleteDays: 180}, map[string]string{policy.TagDeleteDays: "200"}, policy.Terms{DeleteDays: 200}, map[string]string{policy.TagDeleteDays: none}},
		"ignored":           {operator, map[string]string{policy.TagIgnore: " etl  report_* "}, policy.Terms{LockDays: 90, DeleteDays: 180, Ignored: []string{"etl", "report_*"}}, map[string]string{policy.TagIgnore: none}},
		"report":            {operator, map[string]string{policy.TagMode: "report"}, policy.Terms{LockDays: 90, DeleteDays: 180, ReportOnly: true}, map[string]string{policy.TagMode: none}},
		"act where report":  {policy.Terms{ReportOnly: true}, map[string]string{policy.TagMode: "act"}, policy.Terms{ReportOnly: true}, map[string]string{policy.TagMode: "which is report"}},
		"no number":         {operator, map[string]string{policy.TagLockDays: "12O"}, policy.Terms{LockDays: 90, DeleteDays: 180, ReportOnly: true}, map[string]string{policy.TagLockDays: "until that is mended nobody is locked or dropped"}},
		"negative":          {operator, map[string]string{policy.TagDeleteDays: "-1"}, policy.Terms{LockDays: 90, DeleteDays: 180, ReportOnly: true}, map[string]string{policy.TagDeleteDays: "expected a whole number"}},
		"no mode":           {operator, map[string]string{policy.TagMode: "Report"}, policy.Terms{LockDays: 90, DeleteDays: 180, ReportOnly: true}, map[string]string{policy.TagMode: "expected report or act"}},
		"ignored: nobody":   {operator, map[string]string{policy.TagIgnore: " "}, policy.Terms{LockDays: 90, DeleteDays: 180, ReportOnly: true}, map[string]string{policy.TagIgnore: "holds no name"}},
		"misspelt key":      {operator, map[string]string{"pgrotator:lockdays": "400"}, policy.Terms{LockDays: 90, DeleteDays: 180, ReportOnly: true}, map[string]string{"pgrotator:lockdays": "no tag of that name is known"}},
		"key in other case": {operator, map[string]string{"Pgrotator:Mode": "report"}, policy.Terms{LockDays: 90, DeleteDays: 180, ReportOnly: true}, map[string]string{"Pgrotator:Mode": "no tag of that name is known"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, tags := c.operator.Gentler(c.tags)
			if got.LockDays != c.want.LockDays || got.DeleteDays != c.want.DeleteDays || got.ReportOnly != c.want.ReportOnly || !slices.Equal(got.Ignored, c.want.Ignored) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if len(tags) != len(c.why) {
				t.Errorf("told of %+v", tags)
			}
			for _, tag := range tags {
				if tag.Unreadable != strings.Contains(tag.Why, "until that is mended") {
					t.Errorf("%+v", tag)
				}
				if why := c.why[tag.Key]; (tag.Why == "") != (why == none) || !strings.Contains(tag.Why, why) || tag.Value != c.tags[tag.Key] {
					t.Errorf("told %+v, want %q", tag, why)
				}
			}
		})
	}
}

// Whatever the tags are, nobody is locked or dropped sooner than the operator has it, and none sooner after a lock.
func TestTagsNeverMakeThePolicyHarsher(t *testing.T) {
	t.Parallel()
	values := []string{"1", "30", "89", "90", "91", "179", "180", "181", "36500", "36501", "0", "-5", "never", "", "x", "report", "act"}
	keys := []string{policy.TagLockDays, policy.TagDeleteDays, policy.TagIgnore, policy.TagMode, "pgrotator:other"}
	operators := []policy.Terms{{}, {LockDays: 90}, {DeleteDays: 180}, {LockDays: 90, DeleteDays: 180}, {LockDays: 90, DeleteDays: 91, ReportOnly: true}}
	random := rand.New(rand.NewPCG(1, 2))
	sooner := func(a, b int) bool { return a != 0 && (b == 0 || a < b) }
	for range 20_000 {
		operator := operators[random.IntN(len(operators))]
		tags := map[string]string{}
		for _, key := range keys {
			if random.IntN(2) == 0 {
				tags[key] = values[random.IntN(len(values))]
			}
		}
		got, _ := operator.Gentler(tags)
		pause := got.DeleteDays - got.LockDays
		if sooner(got.LockDays, operator.LockDays) || sooner(got.DeleteDays, operator.DeleteDays) || operator.ReportOnly && !got.ReportOnly ||
			got.DeleteDays > 0 && operator.LockDays > 0 && (got.LockDays == 0 || pause < operator.DeleteDays-operator.LockDays) {
			t.Fatalf("%v make of %+v %+v", tags, operator, got)
		}
	}
}
