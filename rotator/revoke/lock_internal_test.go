package revoke

import (
	"slices"
	"testing"
)

// The writer, which was a reader until a failover during the run, has one count of each user.
func TestWriterThatWasAReader(t *testing.T) {
	t.Parallel()
	r := &run{writer: "orders-2"}
	for _, e := range []Ended{{theWriter, "app_a", 2}, {"orders-2", "app_a", 3}, {"orders-2", "app_b", 1}, {"orders-1", "app_a", 1}, {theWriter, "app_b", 1}} {
		r.count(e)
	}
	r.nameWriter()
	if want := []Ended{{"orders-2", "app_a", 5}, {"orders-2", "app_b", 2}, {"orders-1", "app_a", 1}}; !slices.Equal(r.report.Ended, want) {
		t.Errorf("ended %+v, want %+v", r.report.Ended, want)
	}
}
