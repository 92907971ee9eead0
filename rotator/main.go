// The bootstrap of an AWS Lambda function that rotates the credentials of Aurora and RDS PostgreSQL with alternating users and
// closes accounts that nobody uses.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"pgrotator/rotator/check"
	"pgrotator/rotator/fleet"
	"pgrotator/rotator/master"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/publish"
	"pgrotator/rotator/revoke"
	"pgrotator/rotator/rotation"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/setup"
	"pgrotator/rotator/sweep"
)

// version is set by the linker, -X main.version=….
var version = "unknown"

func main() {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" { // Lambda's own
		os.Exit(runCommand(os.Args[1:]))
	}
	if os.Getenv("_HANDLER") == parametersHandler { // Lambda's own, the template's Handler
		log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
		lambda.Start(func(ctx context.Context, request stackRequest) error { return answerStack(ctx, request, log) })
		return
	}
	h, err := newFunction(context.Background())
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stdout, nil)).Error("starting", slog.String("error", err.Error()))
		reportInitError(err)
		os.Exit(1)
	}
	lambda.Start(h.handle)
}

// newFunction builds the handler of a deployed function from its environment.
func newFunction(ctx context.Context) (*handler, error) {
	c, err := readConfig(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: c.logLevel}))
	log.Info("starting", slog.String("version", version), slog.String("go", runtime.Version()))

	own, err := loadAWS(ctx)
	if err != nil {
		return nil, err
	}
	return wire(c, own, log, os.Stdout), nil
}

// wire builds the handler. Metrics are written to counts.
func wire(c config, own aws.Config, log *slog.Logger, counts io.Writer) *handler {
	function := os.Getenv("AWS_LAMBDA_FUNCTION_NAME") // Lambda's own
	c.sweep.Stack = function
	opener := postgres.Opener{Roots: postgres.NewRoots(c.caFile), ApplicationName: "pgrotator"}
	c.sweep.Version = version
	channels := sweep.Channels{Notices: publish.NewTopic(sns.NewFromConfig(own), c.topic), Reports: publish.NewBucket(reportClient(own), c.reports)}
	if c.hubFindings {
		channels.Hub = publish.NewSecurityHub(own)
	}
	begin := func(roleARN string) *work {
		return newWork(c, assume(own, roleARN, c.externalID), channels, opener, log)
	}
	return &handler{accounts: newAccounts(c, begin), digester: fleet.NewDigester(channels.Notices, channels.Reports, openObject(own), version), save: saveObject(own), reports: c.reports.Bucket,
		metrics: newMetrics(counts, function, c.metricsPerDatabase), log: log}
}

// reportClient writes reports as the function itself.
func reportClient(own aws.Config) *s3.Client {
	return s3.NewFromConfig(own, func(o *s3.Options) { o.HTTPClient = lasting(o.HTTPClient, reportCallTimeout) })
}

// openObject reads objects of S3 as the function itself.
func openObject(own aws.Config) fleet.Open {
	client := s3.NewFromConfig(own)
	return func(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
		return publish.Open(ctx, client, bucket, key)
	}
}

// saveObject writes objects of S3 as the function itself.
func saveObject(own aws.Config) fleet.Save {
	client := s3.NewFromConfig(own)
	return func(ctx context.Context, bucket, key string, body []byte) error {
		return publish.Save(ctx, client, bucket, key, body)
	}
}

// newWork wires what works in one account, whose AWS configuration data is.
func newWork(c config, data aws.Config, channels sweep.Channels, opener postgres.Opener, log *slog.Logger) *work {
	store := secret.NewStore(secretsmanager.NewFromConfig(data, func(o *secretsmanager.Options) {
		if c.secretsEndpoint != "" {
			o.BaseEndpoint = &c.secretsEndpoint
		}
	}))
	databases := rds.NewFromConfig(data)
	logs := cloudwatchlogs.NewFromConfig(data)
	iamClient := iam.NewFromConfig(data)
	finder := master.NewFinder(store, databases, master.NewSigner(data))
	return &work{
		store:    store,
		rotation: rotation.New(store, finder, databases, opener, c.rotation, log),
		setup:    setup.New(store, finder, databases, opener, c.sweep.StateSchema),
		revoke:   revoke.New(store, finder, databases, opener, revoke.Options{Password: c.rotation.Password, ValidDays: c.rotation.ValidDays}),
		check:    check.New(store, finder, databases, logs, iamClient, opener, c.check),
		sweep:    sweep.New(store, logs, databases, iamClient, channels, opener, c.sweep, log),
	}
}

// assume has Secrets Manager, CloudWatch Logs, RDS and IAM called as another role, in whatever account that is. Notices stay with
// the function's own role, whose topic they go to.
func assume(own aws.Config, roleARN, externalID string) aws.Config {
	if roleARN == "" {
		return own
	}
	other := own.Copy()
	other.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(own), roleARN,
		func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "pgrotator"
			if externalID != "" {
				o.ExternalID = &externalID
			}
		}))
	return other
}
