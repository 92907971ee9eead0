package main

import (
	"strings"
	"testing"
)

// A prefix leads to no place but one below the bucket, and looks as it is.
func TestReportPrefix(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"": "", "audit": "audit", "audit/": "audit", "audit/db s/ü": "audit/db s/ü", "..x/y..": "..x/y..",
		"/audit": "!", "//": "!", "/": "", "a//b": "!", "..": "!", "a/../b": "!", "a/.": "!", "a\nb": "!", "a\x00": "!", "a\u202eb": "!", "a\xff": "!", strings.Repeat("x", 513): "!",
	} {
		e := environment{lookup: func(string) (string, bool) { return value, true }}
		got := e.prefix()
		if refused := len(e.faults) > 0; refused != (want == "!") || !refused && got != want {
			t.Errorf("%q: %q, faults %v", value, got, e.faults)
		}
	}
}
