package loginlog

import (
	"strings"
	"testing"
)

// Whoever is logged in may write a megabyte that looks like many entries: it is looked at once.
func TestALongEntryIsReadOnce(t *testing.T) {
	t.Parallel()
	p := New([]string{"a", "a@a"}, []string{"app", "a@app"})
	for _, repeated := range []string{
		":[1]:LOG:  connection authorized: user=a database=app", ":[1]:A:", "@:[1]:LOG:  ", ":[", "9", " GSS (x)", "LOG:  ",
		"disconnection: session time: 0:00:00.000 user=a database=app host=x", "\n* x", ", Tds Version=0x", "0 ",
	} {
		for _, before := range []string{
			"a@app:[1]:LOG:  ", "a@app:[1]:LOG:  connection authorized: user=a database=app", "a@a@app",
			"a@app:[1]:1:00000:2026-11-22 07:43:01 UTC:1/1:0:1.1:[unknown]LOG:  ",
			"a@app:[1]:LOG:  connection authorized: user=a, application=",
		} {
			text := before + strings.Repeat(repeated, 1<<20/len(repeated)) + ")"
			r := reading{parser: p}
			r.judgeMarks(withoutStrayLines(text))
			if r.scanned > 2*len(text) {
				t.Errorf("%q, then a megabyte of %q: %d bytes looked at", before, repeated, r.scanned)
			}
		}
	}
}
