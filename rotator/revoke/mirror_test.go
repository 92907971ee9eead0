package revoke_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localtest"
)

// An RDS Proxy reads the mirrors: both get the new passwords, so that neither the thief's nor the former ones open anything there.
func TestRevokeWritesTheMirrors(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	arn := s.CreateMaster()
	s.CreateSecret(nil)
	mirrors := map[string]string{}
	for _, user := range []string{s.A, s.B} {
		out, err := s.Secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("mirror-" + user),
			Tags: []types.Tag{{Key: aws.String("pgrotator:mirror-of"), Value: &s.SecretID}}})
		if err != nil {
			t.Fatal(err)
		}
		mirrors[user] = *out.ARN
	}
	s.PutCurrent(s.Value(map[string]any{"masterarn": arn, "dbClusterIdentifier": "orders", "mirrors": mirrors, "proxyhost": "127.0.0.2"}))
	s.Cluster("orders")
	s.MustSetup()
	known := map[string]string{}
	for user := range mirrors {
		known[user] = mirrored(t, s, mirrors[user]).Password
	}
	if _, err := run(t, s); err != nil {
		t.Fatal(err)
	}
	current := s.Credential("AWSCURRENT")
	for user, arn := range mirrors {
		c := mirrored(t, s, arn)
		if c.Username != user || c.Password == known[user] || c.Password == "" {
			t.Errorf("the mirror of %s is for %s, with the password that it had: %v", user, c.Username, c.Password == known[user])
		}
		_, err := s.Login(c)
		if user == current.Username && (err != nil || c != current) {
			t.Errorf("the mirror of AWSCURRENT's user is not AWSCURRENT, or does not log in: %v", err)
		}
		if user != current.Username && err == nil {
			t.Errorf("%s logs in, who stays locked", user)
		}
	}
}

// mirrored is AWSCURRENT of a mirror.
func mirrored(t *testing.T, s *localtest.Scene, arn string) (c localtest.Credential) {
	t.Helper()
	out, err := s.Secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err == nil {
		err = json.Unmarshal([]byte(*out.SecretString), &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}
