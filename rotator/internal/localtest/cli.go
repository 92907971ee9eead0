package localtest

import (
	"encoding/json"
	"os/exec"
	"strings"

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
	options := map[string]*string{}
	for i := 2; i+1 < len(arguments); i += 2 {
		options[arguments[i]] = &arguments[i+1]
	}
	run, known := s.commands()[strings.Join(arguments[:2], " ")]
	if !known {
		s.t.Fatalf("the stand-in of the CLI knows no %q", arguments[:2])
	}
	if err := run(options); err != nil {
		s.t.Fatalf("%s: %v", text[at:], err)
	}
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
			export, err := exportConfiguration(*o["--cloudwatch-logs-export-configuration"])
			if err == nil {
				_, err = databases.ModifyDBCluster(ctx, &rds.ModifyDBClusterInput{DBClusterIdentifier: o["--db-cluster-identifier"], CloudwatchLogsExportConfiguration: export})
			}
			return err
		},
		"rds modify-db-instance": func(o map[string]*string) error {
			export, err := exportConfiguration(*o["--cloudwatch-logs-export-configuration"])
			if err == nil {
				_, err = databases.ModifyDBInstance(ctx, &rds.ModifyDBInstanceInput{DBInstanceIdentifier: o["--db-instance-identifier"], CloudwatchLogsExportConfiguration: export})
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

func exportConfiguration(text string) (c *rdstypes.CloudwatchLogsExportConfiguration, err error) {
	return c, json.Unmarshal([]byte(text), &c)
}
