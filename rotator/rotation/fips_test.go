package rotation_test

import (
	"testing"

	"pgrotator/rotator/internal/localtest"
)

// With UseFipsEndpoints the binary runs in Go's FIPS 140-3 mode: TLS, SCRAM and the verifier must do with what that allows.
func TestRotatesInFIPSMode(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, map[string]string{"GODEBUG": "fips140=on"})
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
}
