package main

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"pgrotator/rotator/command"
)

// Whatever an event may be asked, a command line may ask, and every event that it makes is one. What only a fleet's state machine asks
// has no flag: a sweep's answer in brief, a list that a Map is to read, and the digest.
func TestCommandLineHasAFlagForEveryKey(t *testing.T) {
	t.Parallel()
	flags := map[string][]string{"secretId": {"a"}, "for": {"--for", "sweep"}, "repair": {"--repair"}, "adopt": {"--adopt"}, "dryRun": {"--act=false"}}
	ofStateMachine := map[string]bool{"brief": true, "into": true}
	for action, keys := range actionKeys {
		if action == "digest" {
			continue
		}
		for key := range keys {
			if ofStateMachine[key] {
				continue
			}
			args := []string{action}
			if keys["secretId"] && key != "secretId" {
				args = append(args, "a")
			}
			args = append(args, flags[key]...)
			line, err := command.Parse(args)
			if err != nil || flags[key] == nil && key != "action" {
				t.Errorf("the key %q of %s: %q is refused: %v", key, action, args, err)
				continue
			}
			subject := ""
			if keys["secretId"] {
				subject = "a"
			}
			event, err := line.Event(subject)
			var made map[string]any
			if err != nil || json.Unmarshal(event, &made) != nil || made[key] == nil {
				t.Errorf("%q makes %s, which has the keys %q and not %q", args, event, slices.Sorted(maps.Keys(made)), key)
			}
			if _, err := decode(event); err != nil {
				t.Errorf("%q makes an event that is refused: %v", args, err)
			}
		}
	}
}
