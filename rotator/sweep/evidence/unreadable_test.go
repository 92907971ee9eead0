package evidence_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A stream of which no stamped entry has either prefix makes evidence incomplete, by events and by rows alike; one of twins in CSV does
// not.
func TestStreamThatNobodyCanRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message  string // after the second
		readable bool
	}{
		"another prefix":        {".000 UTC [4711] ann@app LOG:  connection authorized: user=ann database=app", false},
		"a prefix with a comma": {".000 UTC,ann,app LOG:  connection authorized: user=ann database=app", false},
		"CSV":                   {`.000 UTC,"ann","app",4711,"10.0.0.1:5000",6b02a10b.65,3,"idle",2026-01-01 07:43:01 UTC,3/2,0,LOG,00000,"x"`, true},
		"CSV of the server":     {`.000 UTC,,,101,,6b02a10b.65,3,,2026-01-01 07:43:01 UTC,,0,LOG,00000,"checkpoint starting: time"`, true},
	} {
		for _, byRows := range []bool{false, true} {
			d := newDiary(0)
			d.byRows = byRows
			d.sweep(false, false, "db-0")
			d.lines["db-0.twin"] = append(d.lines["db-0.twin"], line{d.now, d.now, d.now.Format(time.DateTime) + c.message})
			e := d.sweep(false, false, "db-0")
			if told := strings.Contains(fmt.Sprint(e.Reasons), `stream "db-0.twin"`); told == c.readable || e.Complete() != c.readable {
				t.Errorf("%s, by rows %v: complete %v, reasons %q", name, byRows, e.Complete(), e.Reasons)
			}
		}
	}
}
