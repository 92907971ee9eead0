package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/fleet"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/secret"
)

func startAWS(t *testing.T) (*localaws.Stack, *secretsmanager.Client) {
	t.Helper()
	stack, err := localaws.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	return stack, secretsmanager.NewFromConfig(stack.Config())
}

// create makes a secret with the fleet's tag, or without one for "", and gives its ARN.
func create(t *testing.T, client *secretsmanager.Client, name, tag string) string {
	t.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("{}")}
	if tag != "" {
		in.Tags = []types.Tag{{Key: aws.String("pgrotator"), Value: &tag}}
	}
	out, err := client.CreateSecret(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

// The tag decides, not its beginning, and a value that nobody can read is told; so is what does not rotate though its tag says so.
func TestListIsByTheTag(t *testing.T) {
	t.Parallel()
	stack, client := startAWS(t)
	rotated, swept, both := create(t, client, "a", "rotate"), create(t, client, "b", "sweep"), create(t, client, "c", "rotate+sweep")
	wrong := create(t, client, "d", "Sweep")
	create(t, client, "untagged", "")
	_, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("e"), SecretString: aws.String("{}"),
		Tags: []types.Tag{{Key: aws.String("pgrotator:mirror-of"), Value: aws.String("sweep")}}})
	if err != nil {
		t.Fatal(err)
	}
	gone := create(t, client, "gone", "sweep")
	if _, err := client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &gone}); err != nil {
		t.Fatal(err)
	}
	store := secret.NewStore(secretsmanager.NewFromConfig(stack.Config()))
	list, err := fleet.ListSecrets(t.Context(), []fleet.Account{{Secrets: store}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want := []fleet.Member{{SecretID: rotated}, {SecretID: swept, Sweep: true}, {SecretID: both, Sweep: true}}
	slices.SortFunc(want, func(a, b fleet.Member) int { return strings.Compare(a.SecretID, b.SecretID) })
	if !slices.Equal(list.Secrets, want) || len(list.Overdue) != 0 {
		t.Errorf("listed %+v, want %+v", list, want)
	}
	if len(list.Faults) != 1 || list.Faults[0].Subject != wrong || !strings.Contains(list.Faults[0].Error, `"Sweep"`) {
		t.Errorf("told %+v", list.Faults)
	}
	list, err = fleet.ListSecrets(t.Context(), []fleet.Account{{Secrets: store}}, time.Now().Add(48*time.Hour))
	if err != nil || len(list.Overdue) != 2 || list.Overdue[0].SecretID != rotated || list.Overdue[1].SecretID != both {
		t.Errorf("neither rotates after two days, and overdue is %+v, error %v", list.Overdue, err)
	}
}

func TestListOfNoneAndOfManyPages(t *testing.T) {
	t.Parallel()
	_, client := startAWS(t)
	accounts := []fleet.Account{{Secrets: secret.NewStore(client)}}
	none, err := fleet.ListSecrets(t.Context(), accounts, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(none); err != nil || string(text) != `{"secrets":[],"overdue":[]}` {
		t.Errorf("a fleet of none is %s, error %v", text, err)
	}
	for n := range 205 {
		create(t, client, fmt.Sprintf("s%03d", n), "sweep")
	}
	if many, err := fleet.ListSecrets(t.Context(), accounts, time.Now()); err != nil || len(many.Secrets) != 205 || len(many.Faults) > 0 {
		t.Errorf("%d secrets, faults %v, error %v", len(many.Secrets), many.Faults, err)
	}
}

// An account that does not answer is told, and the others are listed; where none answers there is no list.
func TestAccountThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	stack, client := startAWS(t)
	create(t, client, "a", "sweep")
	other := stack.Config()
	other.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, fmt.Errorf("not authorized to perform sts:AssumeRole")
	})
	silent := fleet.Account{ID: "444455556666", Secrets: secret.NewStore(secretsmanager.NewFromConfig(other))}
	list, err := fleet.ListSecrets(t.Context(), []fleet.Account{{ID: localaws.AccountID, Secrets: secret.NewStore(client)}, silent}, time.Now())
	if err != nil || len(list.Secrets) != 1 || len(list.Faults) != 1 || list.Faults[0].Subject != "account 444455556666" || !strings.Contains(list.Faults[0].Error, "sts:AssumeRole") {
		t.Errorf("%+v, error %v", list, err)
	}
	if _, err := fleet.ListSecrets(t.Context(), []fleet.Account{silent}, time.Now()); err == nil {
		t.Error("no account answers, and the fleet is listed")
	}
}
