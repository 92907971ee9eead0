package localtest

import (
	"encoding/json"
	"os/exec"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// CLI carries out the command line of the AWS CLI that a text holds, as a shell reads it: what people are told to run is tried.
func (s *Scene) CLI(text string) {
	s.t.Helper()
	at := strings.Index(text, "aws ")
	if at < 0 {
		s.t.Fatalf("no command in %q", text)
	}
	read, err := exec.CommandContext(s.t.Context(), "sh", "-c", `aws() { printf '%s\0' "$@"; }; `+text[at:]).Output()
	if err != nil {
		s.t.Fatalf("%s: %v", text[at:], err)
	}
	arguments := strings.Split(strings.TrimSuffix(string(read), "\x00"), "\x00")
	run, known := s.commands()[strings.Join(arguments[:2], " ")]
	if !known {
		s.t.Fatalf("the stand-in of the CLI knows no %q", arguments[:2])
	}
	if err := run(optionsOf(arguments[2:])); err != nil {
		s.t.Fatalf("%s: %v", text[at:], err)
	}
}

// optionsOf reads what follows a command: options with a value, and those without, whose value is nil.
func optionsOf(arguments []string) map[string]*string {
	options := map[string]*string{}
	for i, argument := range arguments {
		if name := strings.HasPrefix(argument, "--"); name && i+1 < len(arguments) && !strings.HasPrefix(arguments[i+1], "--") {
			options[argument] = &arguments[i+1]
		} else if name {
			options[argument] = nil
		}
	}
	return options
}

// commands are those of the CLI that people are told of, by what follows the word aws.
func (s *Scene) commands() map[string]func(options map[string]*string) error {
	ctx, databases := s.t.Context(), rds.NewFromConfig(s.AWS.Config())
	return map[string]func(map[string]*string) error{
		"secretsmanager rotate-secret": func(o map[string]*string) error {
			_, err := s.Secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: o["--secret-id"]})
			return err
		},
		"secretsmanager update-secret-version-stage": func(o map[string]*string) error {
			_, err := s.Secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: o["--secret-id"], VersionStage: o["--version-stage"], MoveToVersionId: o["--move-to-version-id"], RemoveFromVersionId: o["--remove-from-version-id"]})
			return err
		},
		"secretsmanager tag-resource": func(o map[string]*string) error {
			_, err := s.Secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: o["--secret-id"], Tags: []types.Tag{tag(*o["--tags"])}})
			return err
		},
		"rds modify-db-cluster": func(o map[string]*string) error {
			exports, iam, err := changes(o)
			if err == nil {
				_, err = databases.ModifyDBCluster(ctx, &rds.ModifyDBClusterInput{DBClusterIdentifier: o["--db-cluster-identifier"],
					CloudwatchLogsExportConfiguration: exports, EnableIAMDatabaseAuthentication: iam})
			}
			return err
		},
		"rds modify-db-instance": func(o map[string]*string) error {
			exports, iam, err := changes(o)
			if err == nil {
				_, err = databases.ModifyDBInstance(ctx, &rds.ModifyDBInstanceInput{DBInstanceIdentifier: o["--db-instance-identifier"],
					CloudwatchLogsExportConfiguration: exports, EnableIAMDatabaseAuthentication: iam})
			}
			return err
		},
	}
}

// tag reads the CLI's shorthand Key=k,Value=v.
func tag(text string) (t types.Tag) {
	key, value, _ := strings.Cut(strings.TrimPrefix(text, "Key="), ",Value=")
	return types.Tag{Key: &key, Value: &value}
}

// changes are those of a cluster or an instance that people are told of; nil where an option is not given.
func changes(options map[string]*string) (exports *rdstypes.CloudwatchLogsExportConfiguration, iam *bool, err error) {
	if _, given := options["--enable-iam-database-authentication"]; given {
		iam = aws.Bool(true)
	}
	if text := options["--cloudwatch-logs-export-configuration"]; text != nil {
		err = json.Unmarshal([]byte(*text), &exports)
	}
	return exports, iam, err
}
