package check

import (
	"errors"
	"fmt"
	"testing"

	"pgrotator/rotator/script"
)

// Whatever stops a rotation or a sweep, there is something to do about it.
func TestFixOfWhatIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want Result
	}{
		"a clause":      {&script.Refusal{Problem: "no role", Cure: "run setup"}, Result{Detail: "way: no role", Fix: "Run setup."}},
		"a statement":   {&script.Refusal{Problem: "no role", Cure: "GRANT a TO b;"}, Result{Detail: "way: no role", Fix: "GRANT a TO b;"}},
		"a wrapped one": {fmt.Errorf("looking: %w", &script.Refusal{Problem: "no role", Cure: "run setup"}), Result{Detail: "way: no role", Fix: "Run setup."}},
		"no cure":       {&script.Refusal{Problem: "no role"}, Result{Detail: "way: no role", Fix: "Otherwise."}},
		"another error": {errors.New("no answer"), Result{Detail: "way: no answer", Fix: "Otherwise."}},
	} {
		var l list
		tt.want.Name = "name"
		if l.refuse("name", "way: ", tt.err, "Otherwise."); l.results[0] != tt.want {
			t.Errorf("%s: %+v, want %+v", name, l.results[0], tt.want)
		}
	}
}
