package evidence_test

import (
	"strings"
	"testing"
	"time"
)

// The second reading covers nothing that a group cannot have held, as it was made anew. A group that was made since the last run tells by the logins that it lacks.
func TestSecondReadingCoversNothingBeforeItsGroupWasMade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		group   time.Duration   // ago the group was made; 0 = nobody tells
		created []time.Duration // ago the instances were made
		want    int
		told    string
	}{
		"nobody tells":                    {0, []time.Duration{1000 * day, 1000 * day}, 90, ""},
		"made long ago":                   {900 * day, []time.Duration{1000 * day, 1000 * day}, 90, ""},
		"made anew":                       {10 * day, []time.Duration{1000 * day, 1000 * day}, 10, "was made"},
		"made anew, where one is younger": {10 * day, []time.Duration{1000 * day, 3 * day}, 10, "was made"},
		"made anew, before its instances": {60 * day, []time.Duration{10 * day, 9 * day}, 60, "was made"},
		"made some minutes ago":           {time.Hour, []time.Duration{1000 * day, 1000 * day}, 90, ""},
	} {
		d := newDiary(0)
		at := d.now.Add(day) // of the first sweep
		names := []string{"db-0", "db-1"}
		d.created = map[string]time.Time{}
		for n, age := range c.created {
			d.created[names[n]] = at.Add(-age)
		}
		if c.group > 0 {
			d.anew = at.Add(-c.group)
		}
		e := d.sweep(false, false, names...)
		want := at.AddDate(0, 0, -c.want)
		if from := e.SecondCover().From; c.told != "" && !from.Equal(want) || c.told == "" && from.After(want.Add(day)) {
			t.Errorf("%s: it covers the time since %s, want %s", name, from, want)
		}
		if lacks := e.CoverLacks(88 * day); !strings.Contains(lacks, c.told) || (lacks == "") != (c.told == "") {
			t.Errorf("%s: it is lacking: %q", name, lacks)
		}
	}
}
