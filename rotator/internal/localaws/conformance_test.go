package localaws_test

import (
	"context"
	"crypto/rand"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

// target is an implementation of the AWS APIs that the suite runs against.
type target struct {
	config aws.Config
	// addCluster makes a cluster of one writer, both under that name.
	addCluster func(t *testing.T, name string)
	// addTopic makes a topic and returns its ARN.
	addTopic func(t *testing.T, name string) string
	// addIdentities makes a user, a group, a role and a managed policy of that name.
	addIdentities func(t *testing.T, name string)
	// addBucket makes a bucket, with locked one whose objects are kept for a day from being put.
	addBucket func(t *testing.T, name string, locked bool)
	// addSubnets makes a VPC with a subnet in each of the zones, and returns their IDs.
	addSubnets func(t *testing.T, zones ...string) (vpc string, subnets []string)
}

// check is one thing that AWS's documentation says of an operation.
type check func(*testing.T, target)

// conformance is the suite, by what each check holds true.
func conformance() map[string]check {
	suite := map[string]check{}
	for _, part := range []map[string]check{secretChecks(), stageChecks(), passwordChecks(), logChecks(), queryChecks(), bucketChecks(), identityChecks(), findingChecks(), subnetChecks(), otherChecks()} {
		maps.Copy(suite, part)
	}
	return suite
}

func TestConformance(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	here := target{
		config: stack.Config(),
		addCluster: func(_ *testing.T, name string) {
			stack.SetDBCluster(rdstypes.DBCluster{DBClusterIdentifier: &name, Engine: aws.String("aurora-postgresql"),
				DBClusterMembers: []rdstypes.DBClusterMember{{DBInstanceIdentifier: &name, IsClusterWriter: aws.Bool(true)}}})
			stack.SetDBInstance(rdstypes.DBInstance{DBInstanceIdentifier: &name, DBClusterIdentifier: &name})
		},
		addTopic: func(_ *testing.T, name string) string { return "arn:aws:sns:us-east-1:123456789012:" + name },
		addBucket: func(_ *testing.T, name string, locked bool) {
			b := localaws.Bucket{Lock: locked}
			if locked {
				b.Retention = s3types.DefaultRetention{Mode: s3types.ObjectLockRetentionModeCompliance, Days: aws.Int32(1)}
			}
			stack.SetBucket(name, b)
		},
		addIdentities: stackIdentities(stack),
		addSubnets:    stackSubnets(stack),
	}
	for name, check := range conformance() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, here)
		})
	}
}

// TestConformanceOfMoto holds the suite itself to a second implementation.
func TestConformanceOfMoto(t *testing.T) {
	t.Parallel()
	there := startMoto(t)
	deviations := motoDeviations()
	suite := conformance()
	for name, check := range suite {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if reason, known := deviations[name]; known {
				t.Skip("moto: " + reason)
			}
			check(t, there)
		})
	}
	for name := range deviations {
		if suite[name] == nil {
			t.Errorf("the deviation %q names no check", name)
		}
	}
}

// startMoto runs moto_server on a free port, where it is installed.
func startMoto(t *testing.T) target {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is not installed: pip install 'moto[server]'")
	}
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(program, "-H", "127.0.0.1", "-p", port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended
		_ = server.Wait()
	})
	awaitServer(t, "http://"+address+"/moto-api/")
	config := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://" + address),
		Credentials: credentials.NewStaticCredentialsProvider("AKIAMOTO", "secret", "")}
	return target{config: config, addCluster: motoCluster(config), addTopic: motoTopic(config), addBucket: motoBucket(config), addIdentities: motoIdentities(config),
		addSubnets: motoSubnets(config)}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func awaitServer(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if response, err := http.Get(url); err == nil {
			response.Body.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s did not answer within a minute", url)
}

func motoCluster(config aws.Config) func(*testing.T, string) {
	return func(t *testing.T, name string) {
		client := rds.NewFromConfig(config)
		_, err := client.CreateDBCluster(t.Context(), &rds.CreateDBClusterInput{DBClusterIdentifier: &name, Engine: aws.String("aurora-postgresql"),
			MasterUsername: aws.String("master"), MasterUserPassword: aws.String("does not matter")})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.CreateDBInstance(t.Context(), &rds.CreateDBInstanceInput{DBInstanceIdentifier: &name, DBClusterIdentifier: &name,
			Engine: aws.String("aurora-postgresql"), DBInstanceClass: aws.String("db.r6g.large")})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func motoTopic(config aws.Config) func(*testing.T, string) string {
	return func(t *testing.T, name string) string {
		out, err := sns.NewFromConfig(config).CreateTopic(t.Context(), &sns.CreateTopicInput{Name: &name})
		if err != nil {
			t.Fatal(err)
		}
		return *out.TopicArn
	}
}

func motoBucket(config aws.Config) func(*testing.T, string, bool) {
	return func(t *testing.T, name string, locked bool) {
		client := s3.NewFromConfig(config)
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: &locked})
		if err != nil {
			t.Fatal(err)
		}
		if !locked {
			return
		}
		_, err = client.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{Bucket: &name,
			ObjectLockConfiguration: &s3types.ObjectLockConfiguration{ObjectLockEnabled: s3types.ObjectLockEnabledEnabled, Rule: &s3types.ObjectLockRule{
				DefaultRetention: &s3types.DefaultRetention{Mode: s3types.ObjectLockRetentionModeCompliance, Days: aws.Int32(1)}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// unique makes names that checks running side by side do not share.
func unique(prefix string) string {
	return prefix + "-" + strings.ToLower(rand.Text())
}
