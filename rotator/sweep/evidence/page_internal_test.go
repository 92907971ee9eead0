package evidence

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// What the two JSON columns of user_login_job_status hold is said in the sweep's page.
func TestPageNamesEveryKeyOfTheRecords(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, of := range []reflect.Type{reflect.TypeFor[witnesses](), reflect.TypeFor[Look](), reflect.TypeFor[storedStreams](), reflect.TypeFor[stream](), reflect.TypeFor[Cover]()} {
		for _, f := range reflect.VisibleFields(of) {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if key == "" || key == "-" {
				continue
			}
			named++
			if !strings.Contains(string(page), "`"+key+"`") {
				t.Errorf("README.md does not name %q", key)
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d keys", named)
	}
}
