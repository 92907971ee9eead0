package verifier_test

import (
	"strings"
	"testing"

	"pgrotator/rotator/verifier"
)

const (
	scram = "scram-sha-256"
	conf  = "configuration file"
)

// Who has set what, and what becomes of it.
func TestKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings verifier.Settings
		md5Login bool
		want     verifier.Kind
	}{
		"defaults":                        {verifier.Settings{scram, "default", 4096, "default"}, false, verifier.Kind{scram, 4096}},
		"before scram_iterations":         {verifier.Settings{scram, conf, 0, ""}, false, verifier.Kind{scram, 4096}},
		"a DBA's iterations":              {verifier.Settings{scram, conf, 100_000, conf}, false, verifier.Kind{scram, 100_000}},
		"a DBA's for all roles":           {verifier.Settings{scram, conf, 100_000, "global"}, false, verifier.Kind{scram, 100_000}},
		"fewer than the default":          {verifier.Settings{scram, conf, 1, conf}, false, verifier.Kind{scram, 4096}},
		"more than anybody waits for":     {verifier.Settings{scram, conf, 2_147_483_647, conf}, false, verifier.Kind{scram, 600_000}},
		"the role's iterations":           {verifier.Settings{scram, conf, 500_000, "user"}, false, verifier.Kind{scram, 4096}},
		"the database's iterations":       {verifier.Settings{scram, conf, 500_000, "database"}, false, verifier.Kind{scram, 4096}},
		"a DBA's md5":                     {verifier.Settings{"md5", conf, 0, ""}, false, verifier.Kind{"md5", 4096}},
		"the role's md5":                  {verifier.Settings{"md5", "user", 0, ""}, false, verifier.Kind{scram, 4096}},
		"the database's md5":              {verifier.Settings{"md5", "database", 0, ""}, false, verifier.Kind{scram, 4096}},
		"the role's in this database":     {verifier.Settings{"md5", "database user", 0, ""}, false, verifier.Kind{scram, 4096}},
		"the role's, and its login's too": {verifier.Settings{"md5", "user", 0, ""}, true, verifier.Kind{"md5", 4096}},
		"the role's scram, logged in md5": {verifier.Settings{scram, "user", 4096, "default"}, true, verifier.Kind{scram, 4096}},
	} {
		if got := c.settings.Kind(c.md5Login); got != c.want {
			t.Errorf("%s: %+v; want %+v", name, got, c.want)
		}
	}
}

// The iterations asked for are the ones that the verifier names.
func TestNewIterates(t *testing.T) {
	t.Parallel()
	made, err := verifier.New(verifier.Kind{Encryption: scram, Iterations: 10_000}, "u", "pencil")
	if err != nil || !strings.HasPrefix(made, "SCRAM-SHA-256$10000:") {
		t.Errorf("%s, error %v", made, err)
	}
}
