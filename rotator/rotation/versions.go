package rotation

import (
	"fmt"
	"strings"

	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
)

// admitVersions refuses a pending value that would lead to another server or another user than the pair's other one: whoever
// can write a version must not be able to send the current credential, or the master's, elsewhere.
func admitVersions(current, pending secret.Value, pair secret.Pair, step Step) error {
	if keys := current.DifferingKeys(pending); len(keys) > 0 {
		return fmt.Errorf("AWSCURRENT and AWSPENDING of secret %s differ in %s: the secret was changed during a rotation; %s",
			step.SecretID, strings.Join(keys, ", "), clearPending(step))
	}
	if pending.Username != pair.Partner {
		return fmt.Errorf("AWSPENDING of secret %s names the user %q, and the other user of AWSCURRENT's pair is %q; %s",
			step.SecretID, pending.Username, pair.Partner, clearPending(step))
	}
	return nil
}

func clearPending(step Step) string {
	return fmt.Sprintf("clear the left-over with %s, then rotate again", script.ClearPending(step.SecretID, step.Token))
}
