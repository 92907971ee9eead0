package localtest

import (
	"os/exec"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// CLI carries out the command line of the AWS CLI that a text holds, as a shell reads it: what people are told to run is tried.
func (s *Scene) CLI(text string) {
	s.t.Helper()
	at := strings.Index(text, "aws secretsmanager ")
	if at < 0 {
		s.t.Fatalf("no command in %q", text)
	}
	read, err := exec.CommandContext(s.t.Context(), "sh", "-c", `aws() { printf '%s\0' "$@"; }; `+text[at:]).Output()
	if err != nil {
		s.t.Fatalf("%s: %v", text[at:], err)
	}
	arguments := strings.Split(strings.TrimSuffix(string(read), "\x00"), "\x00")
	options := map[string]*string{}
	for i := 2; i+1 < len(arguments); i += 2 {
		options[arguments[i]] = &arguments[i+1]
	}
	switch arguments[1] {
	case "rotate-secret":
		_, err = s.Secrets.RotateSecret(s.t.Context(), &secretsmanager.RotateSecretInput{SecretId: options["--secret-id"]})
	case "update-secret-version-stage":
		_, err = s.Secrets.UpdateSecretVersionStage(s.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: options["--secret-id"], VersionStage: options["--version-stage"],
			MoveToVersionId: options["--move-to-version-id"], RemoveFromVersionId: options["--remove-from-version-id"]})
	default:
		s.t.Fatalf("the stand-in of the CLI knows no %s", arguments[1])
	}
	if err != nil {
		s.t.Fatalf("%s: %v", text[at:], err)
	}
}
