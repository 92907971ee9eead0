// Command probe is a Lambda function that does what its event asks for: one
// rotation step, or one act. The tests of localaws run it as a function.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

type event struct {
	Do, Value string
	Step      string
	SecretId  string
	Token     string `json:"ClientRequestToken"`
	Rotation  string `json:"RotationToken"`
}

func main() {
	if message := os.Getenv("PROBE_FAIL_INIT"); message != "" {
		fmt.Println(message)
		os.Exit(3)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, e event) (any, error) {
	if e.Step != "" {
		return nil, rotate(ctx, e)
	}
	switch e.Do {
	case "echo":
		return e.Value, nil
	case "pid":
		return os.Getpid(), nil
	case "print":
		fmt.Println(e.Value)
		return nil, nil
	case "fail":
		return nil, errors.New(e.Value)
	case "panic":
		panic(e.Value)
	case "exit":
		os.Exit(7)
	case "sleep":
		time.Sleep(time.Hour)
	case "env":
		return os.Getenv(e.Value), nil
	case "arn":
		lc, _ := lambdacontext.FromContext(ctx)
		return lc.InvokedFunctionArn, nil
	case "remaining":
		deadline, _ := ctx.Deadline()
		return time.Until(deadline).Milliseconds(), nil
	case "rendezvous":
		return nil, rendezvous(ctx, e.Value)
	case "assume":
		return assume(ctx, e.Value, e.SecretId)
	case "describe":
		return describe(ctx, e.SecretId)
	}
	return nil, fmt.Errorf("unknown act %q", e.Do)
}

// rendezvous leaves a file of this process in a folder and waits for another's.
func rendezvous(ctx context.Context, folder string) error {
	if err := os.WriteFile(fmt.Sprintf("%s/%d", folder, os.Getpid()), nil, 0o600); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if there, _ := os.ReadDir(folder); len(there) > 1 {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return ctx.Err()
}

func client(ctx context.Context) (*secretsmanager.Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	return secretsmanager.NewFromConfig(cfg), err
}

func describe(ctx context.Context, id string) (any, error) {
	c, err := client(ctx)
	if err != nil {
		return nil, err
	}
	out, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	if err != nil {
		return nil, err
	}
	return aws.ToString(out.Name), nil
}

// assume reads a secret under another role.
func assume(ctx context.Context, role, id string) (any, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	out, err := sts.NewFromConfig(cfg).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("probe")})
	if err != nil {
		return nil, err
	}
	c := out.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	value, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return nil, err
	}
	return value.SecretString, nil
}

// rotate is the smallest rotation: the new value is the token.
func rotate(ctx context.Context, e event) error {
	fmt.Println("step", e.Step)
	if os.Getenv("PROBE_FAIL_STEP") == e.Step {
		return errors.New("the step is told to fail")
	}
	if os.Getenv("PROBE_SKIP_STEP") == e.Step {
		return nil
	}
	c, err := client(ctx)
	if err != nil {
		return err
	}
	switch e.Step {
	case "createSecret":
		in := &secretsmanager.PutSecretValueInput{SecretId: &e.SecretId, ClientRequestToken: &e.Token,
			SecretString: aws.String("value of " + e.Token), VersionStages: []string{"AWSPENDING"}}
		if os.Getenv("PROBE_ROTATION_TOKEN") != "" {
			in.RotationToken = &e.Rotation
		}
		_, err = c.PutSecretValue(ctx, in)
	case "finishSecret":
		err = finish(ctx, c, e)
	}
	return err
}

func finish(ctx context.Context, c *secretsmanager.Client, e event) error {
	now, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &e.SecretId})
	if err != nil || *now.VersionId == e.Token {
		return err
	}
	_, err = c.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &e.SecretId,
		VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &e.Token, RemoveFromVersionId: now.VersionId})
	return err
}
