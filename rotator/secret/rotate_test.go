package secret_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/secret"
)

const pendingVersion = "11111111-1111-4111-8111-111111111111"

// awaiting is a secret with a version staged AWSPENDING that is waited for. Each look at it is told on looks.
func awaiting(t *testing.T, ctx context.Context) (client *secretsmanager.Client, looks chan struct{}, ended chan error) {
	t.Helper()
	stack, err := localaws.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	client = secretsmanager.NewFromConfig(stack.Config())
	if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("app"), SecretString: aws.String("{}")}); err != nil {
		t.Fatal(err)
	}
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("app"), SecretString: aws.String(`{"a":1}`),
		ClientRequestToken: aws.String(pendingVersion), VersionStages: []string{secret.Pending}})
	if err != nil {
		t.Fatal(err)
	}
	looks, ended = make(chan struct{}, 100), make(chan error, 1)
	stack.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation == "DescribeSecret" {
			looks <- struct{}{}
		}
		return localaws.Pass
	})
	go func() { ended <- secret.NewStore(client).AwaitRotation(ctx, "app", pendingVersion) }()
	return client, looks, ended
}

func stage(t *testing.T, client *secretsmanager.Client, in secretsmanager.UpdateSecretVersionStageInput) {
	t.Helper()
	in.SecretId = aws.String("app")
	if _, err := client.UpdateSecretVersionStage(t.Context(), &in); err != nil {
		t.Error(err)
	}
}

// A rotation has ended when its version is AWSCURRENT.
func TestAwaitRotation(t *testing.T) {
	t.Parallel()
	client, looks, ended := awaiting(t, t.Context())
	<-looks
	out, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("app")})
	if err != nil {
		t.Fatal(err)
	}
	stage(t, client, secretsmanager.UpdateSecretVersionStageInput{VersionStage: aws.String(secret.Current), MoveToVersionId: aws.String(pendingVersion), RemoveFromVersionId: out.VersionId})
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// One whose version is taken AWSPENDING from has been given up.
func TestAwaitRotationThatIsGivenUp(t *testing.T) {
	t.Parallel()
	client, looks, ended := awaiting(t, t.Context())
	<-looks
	<-looks // the first has been answered
	stage(t, client, secretsmanager.UpdateSecretVersionStageInput{VersionStage: aws.String(secret.Pending), RemoveFromVersionId: aws.String(pendingVersion)})
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("the error is %v", err)
	}
}

// Whoever waits no longer is told where to look.
func TestAwaitRotationForNoLonger(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, looks, ended := awaiting(t, ctx)
	<-looks
	<-looks
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "has not ended") || !strings.Contains(err.Error(), pendingVersion) {
		t.Errorf("the error is %v", err)
	}
}
