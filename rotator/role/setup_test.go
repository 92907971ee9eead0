package role_test

import (
	"testing"

	"pgrotator/rotator/role"
)

// A comment makes a record only at the role that setup would have made for it, and where that role could set the pair: whoever may make
// roles could else exempt anybody from the sweep, or claim a pair for itself.
func TestRecords(t *testing.T) {
	t.Parallel()
	const record = `"{\"role\" : \"app\", \"users\" : [\"app_a\", \"app_b\"]}"`
	for owner, want := range map[string]bool{
		`["rotation_app", ` + record + `, []]`:                                                   true,
		`["rotation_app2", ` + record + `, []]`:                                                  false,
		`["rotation_app", ` + record + `, ["app_b"]]`:                                            false,
		`["rotation_app", "{\"role\" : \"app\", \"users\" : [\"jane\"]}", []]`:                   false,
		`["rotation_app", "{\"role\" : \"app\", \"users\" : [\"jane\", \"tom\", \"ann\"]}", []]`: false,
		`["rotation_app", "what a person wrote", []]`:                                            false,
		`["rotation_app", null, []]`:                                                             false,
	} {
		found := role.Records([]string{owner})
		if got := len(found) == 1 && found[0].Role == "app" && found[0].Holds("app_a") && found[0].Holds("app_b"); got != want || !want && len(found) > 0 {
			t.Errorf("%s: %+v", owner, found)
		}
	}
}
