package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/fleet"
)

// Each list is an object of its own, and holds what a Map gives to its children.
func TestItemsAreWritten(t *testing.T) {
	t.Parallel()
	written := map[string]string{}
	save := func(_ context.Context, bucket, key string, body []byte) error {
		written[bucket+"/"+key] = string(body)
		return nil
	}
	members := []fleet.Member{{SecretID: "a", Sweep: true}, {SecretID: "b"}}
	now := time.Date(2026, 11, 26, 3, 17, 0, 0, time.FixedZone("", 3600))
	for _, prefix := range []string{"lists", "lists", ""} {
		items, err := fleet.Place{Bucket: "results", Prefix: prefix}.Write(t.Context(), save, fleet.List{Secrets: members}, now)
		if err != nil || items.Bucket != "results" || items.Count != 2 || !strings.HasPrefix(items.Key, strings.TrimPrefix(prefix+"/2026-11-26T02-17-00Z-", "/")) {
			t.Fatalf("%+v, %v", items, err)
		}
		var read []fleet.Member
		if err := json.Unmarshal([]byte(written["results/"+items.Key]), &read); err != nil || !slices.Equal(read, members) {
			t.Errorf("%s was written, %v", written["results/"+items.Key], err)
		}
	}
	if len(written) != 3 {
		t.Errorf("the objects are %v", written)
	}
	none, err := fleet.Place{Bucket: "results"}.Write(t.Context(), save, fleet.List{Secrets: []fleet.Member{}}, now)
	if err != nil || none.Count != 0 || written["results/"+none.Key] != "[]" {
		t.Errorf("a fleet of none is %q, %v", written["results/"+none.Key], err)
	}
	refused := errors.New("AccessDenied")
	if _, err := (fleet.Place{Bucket: "results"}).Write(t.Context(), func(context.Context, string, string, []byte) error { return refused }, fleet.List{}, now); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
}
