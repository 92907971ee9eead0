package evidence

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// What looks of earlier versions counted, in whatever shape, is held against nothing; the rest of them and of the column goes on.
func TestWitnessesOfEarlierVersions(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for name, counted := range map[string]string{
		"sums of logins":                `"sessions":{"app":5},"logins":7,"contested":1,"near":2`,
		"logins by database":            `"sessions":{"app":5},"logins":{"app":7},"near":{"app":2}`,
		"sums beside counts of today":   `"sessions":{"app":{"oid":5,"count":5}},"logins":7`,
		"a count in a fraction":         `"sessions":{"app":{"oid":5,"count":5.5}}`,
		"an oid that is out of range":   `"sessions":{"app":{"oid":-1,"count":5}}`,
		"counts of a kind not known":    `"sessions":[["app",5]],"logins":"7"`,
		"counts that come before times": `"near":[]`,
	} {
		w := decodeWitnesses(`{"looks":[{` + counted + `,"at":"2026-11-22T10:00:00Z","started":"2026-11-21T10:00:00Z","loaded":"2026-11-21T11:00:00Z","good":true,"reload":true},
			{"at":"2026-11-23T10:00:00Z","sessions":{"app":{"oid":5,"count":9}},"logins":{"app":4}}],"pids":[57],"pidsOf":"2026-11-21T10:00:00Z","agreed":["reload","sums"]}`)
		if len(w.Looks) != 2 || !slices.Equal(w.PIDs, []int{57}) || !slices.Equal(w.Agreed, []string{byReload, bySums}) || !w.PIDsOf.Equal(at.AddDate(0, 0, -1)) {
			t.Errorf("%s: %+v", name, w)
			continue
		}
		former, next := w.Looks[0], w.Looks[1]
		text, _ := json.Marshal(former) // as the column is written
		if want := `{"at":"2026-11-22T10:00:00Z","started":"2026-11-21T10:00:00Z","loaded":"2026-11-21T11:00:00Z","good":true,"reload":true,"uncounted":true}`; string(text) != want {
			t.Errorf("%s: %s, want %s", name, text, want)
		}
		if next.Uncounted || next.Sessions["app"].Count != 9 || next.Logins["app"] != 4 {
			t.Errorf("%s: a look of today beside it: %+v", name, next)
		}
	}
}

// A column that is no JSON, or a look whose times cannot be read, is compared with nothing.
func TestWitnessesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"", "{", `{"looks":7}`, `{"looks":[{"at":7}],"agreed":["reload"]}`, `{"looks":[{"at":"yesterday"}],"agreed":["reload"]}`} {
		if w := decodeWitnesses(column); len(w.Looks) > 0 || len(w.Agreed) > 0 {
			t.Errorf("%q: %+v", column, w)
		}
	}
}
