package script_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/script"
)

// errand is a command line in the state that it is for: done is false before, and true afterwards.
type errand struct {
	prepare func(t *testing.T, s *localtest.Scene)
	command func(t *testing.T, s *localtest.Scene) script.Command
	done    func(t *testing.T, s *localtest.Scene) bool
}

// tagged is what a mirror's tag says.
const tagged = "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders/app-AbCdEf"

// errands has every constructor of a command in this package, by its name.
var errands = map[string]errand{
	"Rotate": {
		prepare: func(t *testing.T, s *localtest.Scene) {
			if err := s.TestOnly(); err != nil { // rotation is on, and nothing has rotated
				t.Fatal(err)
			}
		},
		command: func(t *testing.T, s *localtest.Scene) script.Command { return script.Rotate(s.SecretID) },
		done:    func(t *testing.T, s *localtest.Scene) bool { return s.Credential("AWSCURRENT").Username == s.B },
	},
	"ClearPending": {
		prepare: func(_ *testing.T, s *localtest.Scene) { s.Begin() },
		command: func(t *testing.T, s *localtest.Scene) script.Command {
			return script.ClearPending(s.SecretID, s.PendingToken())
		},
		done: func(t *testing.T, s *localtest.Scene) bool { return versionOf(t, s, "AWSPENDING") == "" },
	},
	"MoveCurrentBack": {
		prepare: func(_ *testing.T, s *localtest.Scene) { s.PutCurrent(s.Value(map[string]any{"password": "another"})) },
		command: func(t *testing.T, s *localtest.Scene) script.Command {
			return script.MoveCurrentBack(s.SecretID, versionOf(t, s, "AWSCURRENT"), versionOf(t, s, "AWSPREVIOUS"))
		},
		done: func(t *testing.T, s *localtest.Scene) bool {
			return s.Credential("AWSCURRENT").Password == localtest.PasswordA
		},
	},
	"Tag": {
		command: func(t *testing.T, s *localtest.Scene) script.Command {
			return script.Tag(s.SecretID, "pgrotator:mirror-of", tagged)
		},
		done: func(t *testing.T, s *localtest.Scene) bool {
			return slices.ContainsFunc(describe(t, s).Tags, func(t secretstypes.Tag) bool { return *t.Key == "pgrotator:mirror-of" && *t.Value == tagged })
		},
	},
	"ExportLog": {
		prepare: func(_ *testing.T, s *localtest.Scene) {
			s.AWS.SetDBCluster(types.DBCluster{DBClusterIdentifier: aws.String("orders")})
		},
		command: func(*testing.T, *localtest.Scene) script.Command { return script.ExportLog("cluster", "orders") },
		done: func(t *testing.T, s *localtest.Scene) bool {
			out, err := rds.NewFromConfig(s.AWS.Config()).DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{})
			return err == nil && len(out.DBClusters) == 1 && slices.Equal(out.DBClusters[0].EnabledCloudwatchLogsExports, []string{"postgresql"})
		},
	},
	"EnableIAM": {
		prepare: func(_ *testing.T, s *localtest.Scene) {
			s.AWS.SetDBInstance(types.DBInstance{DBInstanceIdentifier: aws.String("single")})
		},
		command: func(*testing.T, *localtest.Scene) script.Command { return script.EnableIAM("instance", "single") },
		done: func(t *testing.T, s *localtest.Scene) bool {
			out, err := rds.NewFromConfig(s.AWS.Config()).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
			return err == nil && len(out.DBInstances) == 1 && aws.ToBool(out.DBInstances[0].IAMDatabaseAuthenticationEnabled)
		},
	},
}

// Every command line that people are told does what it is told for.
func TestEveryCommandIsRun(t *testing.T) {
	t.Parallel()
	if made := functions(t, "*.go", "Command"); !slices.Equal(slices.Sorted(slices.Values(made)), slices.Sorted(maps.Keys(errands))) {
		t.Errorf("commands %q, and tests run %q", made, slices.Sorted(maps.Keys(errands)))
	}
	for name, e := range errands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.ArticleRoles("CREATEROLE")
			s.CreateSecret(nil)
			if e.prepare != nil {
				e.prepare(t, s)
			}
			if e.done(t, s) {
				t.Fatal("nothing is to be done")
			}
			command := e.command(t, s)
			s.CLI("run " + string(command))
			if name == "Rotate" {
				if err := s.AWS.WaitRotation(t.Context(), s.SecretID); err != nil {
					t.Fatal(err)
				}
			}
			if !e.done(t, s) {
				t.Errorf("%s does nothing", command)
			}
		})
	}
}

func describe(t *testing.T, s *localtest.Scene) *secretsmanager.DescribeSecretOutput {
	t.Helper()
	out, err := s.Secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &s.SecretID})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// versionOf is the version under a staging label, "" = none.
func versionOf(t *testing.T, s *localtest.Scene, stage string) string {
	t.Helper()
	for version, stages := range describe(t, s).VersionIdsToStages {
		if slices.Contains(stages, stage) {
			return version
		}
	}
	return ""
}
