package evidence_test

import (
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/account"
)

// The second reading covers no log that does not exist: not what a group held that was made anew, nor what expired before its retention was
// raised, nor a silence longer than any that an instance keeps. Of an instance it covers all if its log reaches back to where it was made.
func TestSecondReadingCoversNoLogThatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		anew    int            // ago the group was made; 0 = long ago
		created map[string]int // ago instances were made
		logs    map[string]int // since when they have a log
		silent  [2]int         // from when to when nobody wrote
		want    int
		told    string
	}{
		"a log as long as the interval":           {want: 90},
		"the group was made anew":                 {anew: 10, want: 10, told: "was made"},
		"its retention was raised":                {logs: map[string]int{"db-0": 10, "db-1": 10}, want: 10, told: "begins"},
		"a stream was deleted":                    {logs: map[string]int{"db-1": 20}, want: 20, told: "instance db-1"},
		"made lately, with all its log":           {created: map[string]int{"db-1": 30}, logs: map[string]int{"db-1": 30}, want: 90},
		"made lately, exported later":             {created: map[string]int{"db-1": 30}, logs: map[string]int{"db-1": 20}, want: 20, told: "instance db-1"},
		"made lately, the group after it":         {anew: 10, created: map[string]int{"db-0": 30, "db-1": 30}, logs: map[string]int{"db-0": 30, "db-1": 30}, want: 10, told: "was made"},
		"a group as young as its instance":        {anew: 30, created: map[string]int{"db-0": 30, "db-1": 30}, logs: map[string]int{"db-0": 30, "db-1": 30}, want: 30, told: "was made"},
		"all made lately":                         {created: map[string]int{"db-0": 20, "db-1": 30}, logs: map[string]int{"db-0": 20, "db-1": 30}, want: 30, told: "instance db-1"},
		"all made lately, after one that is gone": {created: map[string]int{"db-0": 20, "db-1": 30}, logs: map[string]int{"db-0": 20, "db-1": 30, "db-7": 120}, want: 90},
		"stopped for a week":                      {silent: [2]int{50, 43}, want: 90},
		"silent for longer":                       {silent: [2]int{50, 41}, want: 41, told: "silence"},
		"only twins in CSV":                       {logs: map[string]int{"db-0": 10, "db-1": 10, "csv": 120}, want: 10, told: "begins"},
	} {
		d := newDiary(0)
		d.created = map[string]time.Time{}
		ago := func(n int) time.Time { return d.now.AddDate(0, 0, -n) }
		at := d.now
		for _, instance := range []string{"db-0", "db-1"} {
			since := c.logs[instance]
			if since == 0 {
				since = 120
			}
			d.ageLog(instance, since)
			if c.created[instance] > 0 {
				d.created[instance] = ago(c.created[instance])
			}
			kept := d.lines[instance+".0"][:0]
			for _, l := range d.lines[instance+".0"] {
				if !l.at.After(ago(c.silent[0])) || !l.at.Before(ago(c.silent[1])) {
					kept = append(kept, l)
				}
			}
			d.lines[instance+".0"] = kept
		}
		if gone := c.logs["db-7"]; gone > 0 {
			d.ageLog("db-7", gone)
			d.lines["db-7.0"] = d.lines["db-7.0"][:gone-25]
			d.records["db-7"] = account.LogRecord{Instance: "db-7", ProcessedTo: ago(25), EvidenceFrom: ago(gone), CanaryAt: ago(25)}
		}
		for n := range c.logs["csv"] {
			d.lines["db-0.csv"] = append(d.lines["db-0.csv"], line{ago(n), ago(n), ago(n).Format(time.DateTime) + `.000 UTC,,,7,,6b.1,1,,`})
		}
		if c.anew > 0 {
			d.anew = ago(c.anew)
		}
		for n := range 2 {
			e := d.sweep(false, false, "db-0", "db-1")
			want := at.AddDate(0, 0, -c.want)
			if from := e.SecondCover().From; c.told != "" && !from.Equal(want) || c.told == "" && from.After(want.AddDate(0, 0, n+1)) {
				t.Errorf("%s, sweep %d: it covers the time since %s, want %s", name, n, from, want)
			}
			if lacks := e.CoverLacks(88 * day); !strings.Contains(lacks, c.told) || (lacks == "") != (c.told == "") {
				t.Errorf("%s, sweep %d: it is lacking: %q", name, n, lacks)
			}
		}
	}
}
