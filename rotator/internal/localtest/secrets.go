package localtest

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Value is the secret's JSON as a map, for user a of the pair; with overrides, where nil removes a key.
func (s *Scene) Value(overrides map[string]any) map[string]any {
	value := map[string]any{
		"engine": "postgres", "host": s.Host, "port": s.Port, "dbname": s.Database,
		"username": s.A, "password": PasswordA,
	}
	if s.Plaintext {
		value["ssl"] = false
	}
	for key, override := range overrides {
		if override == nil {
			delete(value, key)
		} else {
			value[key] = override
		}
	}
	return value
}

// CreateSecret stores the scene's secret with Value's overrides.
func (s *Scene) CreateSecret(overrides map[string]any) {
	s.t.Helper()
	s.SecretID = s.PutNewSecret("scene", s.Value(overrides))
}

// PutNewSecret stores a value, JSON unless it is a string, and gives the ARN.
func (s *Scene) PutNewSecret(name string, value any) (arn string) {
	s.t.Helper()
	out, err := s.Secrets.CreateSecret(s.t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String(text(s.t, value))})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.ARN
}

// PutCurrent replaces AWSCURRENT, as whoever may write the secret can. The version before becomes AWSPREVIOUS.
func (s *Scene) PutCurrent(value any) {
	s.t.Helper()
	_, err := s.Secrets.PutSecretValue(s.t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &s.SecretID, SecretString: aws.String(text(s.t, value))})
	if err != nil {
		s.t.Fatal(err)
	}
}

// PendingToken is the version that a failed rotation left AWSPENDING on.
func (s *Scene) PendingToken() string {
	s.t.Helper()
	described, err := s.Secrets.DescribeSecret(s.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &s.SecretID})
	if err != nil {
		s.t.Fatal(err)
	}
	for version, stages := range described.VersionIdsToStages {
		if slices.Contains(stages, "AWSPENDING") {
			return version
		}
	}
	s.t.Fatal("no version is staged AWSPENDING")
	return ""
}

// ClearPending takes AWSPENDING off the version that a failed rotation left it on.
func (s *Scene) ClearPending() {
	s.t.Helper()
	version := s.PendingToken()
	_, err := s.Secrets.UpdateSecretVersionStage(s.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &s.SecretID, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &version})
	if err != nil {
		s.t.Fatal(err)
	}
}

// ReadSecret is the text of the version under a staging label.
func (s *Scene) ReadSecret(stage string) string {
	s.t.Helper()
	text, err := s.readSecret(stage)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s *Scene) readSecret(stage string) (string, error) {
	out, err := s.Secrets.GetSecretValue(s.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &s.SecretID, VersionStage: &stage})
	if err != nil {
		return "", err
	}
	return *out.SecretString, nil
}

// Credential is a secret version's user and password.
type Credential struct {
	Username string
	Password string
}

// Credential reads the version under a staging label.
func (s *Scene) Credential(stage string) Credential {
	s.t.Helper()
	c, err := s.credential(stage)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *Scene) credential(stage string) (c Credential, err error) {
	text, err := s.readSecret(stage)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(text), &c)
}

func text(t testing.TB, value any) string {
	t.Helper()
	if text, ok := value.(string); ok {
		return text
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
