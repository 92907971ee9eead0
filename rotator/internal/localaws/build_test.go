package localaws_test

import (
	"debug/buildinfo"
	"testing"

	"pgrotator/rotator/internal/localaws"
)

func TestBuildIsTheDeployedBinary(t *testing.T) {
	t.Parallel()
	path, err := localaws.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := localaws.Build(t.Context()); err != nil || again != path {
		t.Errorf("built again as %s, %v, want %s", again, err, path)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if info.Path != "pgrotator/rotator" || settings["-tags"] != "lambda.norpc" || settings["-trimpath"] != "true" || settings["CGO_ENABLED"] != "0" {
		t.Errorf("%s was built of %s with %v", path, info.Path, settings)
	}
}
