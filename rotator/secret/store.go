package secret

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/awserror"
)

// The staging labels of a rotation.
const (
	Current  = "AWSCURRENT"
	Pending  = "AWSPENDING"
	Previous = "AWSPREVIOUS"
)

// ErrNoValue is returned by Store.Version and Store.Stage when Secrets Manager holds no value there: an empty AWSPENDING
// version before createSecret, or one that was written an instant ago and cannot be read everywhere yet.
var ErrNoValue = errors.New("no value is stored there")

// visibleWithin is how long a value just written may stay invisible, and visiblePause the time between two looks.
const (
	visibleWithin = 5 * time.Second
	visiblePause  = 200 * time.Millisecond
)

// Store is the secrets of one account and Region, behind Secrets Manager.
type Store struct {
	client *secretsmanager.Client
}

// NewStore reads and writes through client.
func NewStore(client *secretsmanager.Client) *Store {
	return &Store{client: client}
}

// Description is what Secrets Manager tells of a secret without its value.
type Description struct {
	ARN      string
	Name     string
	Enabled  *bool // nil where the service does not say
	Stages   map[string][]string
	Tags     map[string]string
	Interval time.Duration // between two rotations; 0 = not known

	Function     string // ARN of the one that rotates it; "" = none
	Created      time.Time
	LastRotated  time.Time // zero = never
	NextRotation time.Time // on or before which the service rotates next; zero = no rotation is scheduled
}

// Describe reads the labels, tags and schedule of a secret.
func (s *Store) Describe(ctx context.Context, id string) (Description, error) {
	out, err := s.client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	if err != nil {
		return Description{}, fmt.Errorf("describing secret %s: %w", id, awserror.SecretsManager.Explain(err))
	}
	d := Description{
		ARN: aws.ToString(out.ARN), Name: aws.ToString(out.Name), Enabled: out.RotationEnabled,
		Stages: out.VersionIdsToStages, Tags: byKey(out.Tags), Interval: interval(out.RotationRules, out.LastRotatedDate, out.NextRotationDate),
		Function: aws.ToString(out.RotationLambdaARN),
		Created:  aws.ToTime(out.CreatedDate), LastRotated: aws.ToTime(out.LastRotatedDate), NextRotation: aws.ToTime(out.NextRotationDate),
	}
	return d, nil
}

func byKey(tags []types.Tag) map[string]string {
	values := make(map[string]string, len(tags))
	for _, tag := range tags {
		values[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return values
}

// Has tells whether a version carries a staging label.
func (d Description) Has(version, stage string) bool {
	return slices.Contains(d.Stages[version], stage)
}

// VersionOf is the id of the version that carries a staging label, or "".
func (d Description) VersionOf(stage string) string {
	for version, stages := range d.Stages {
		if slices.Contains(stages, stage) {
			return version
		}
	}
	return ""
}

// Stage reads the text of the version under a staging label.
func (s *Store) Stage(ctx context.Context, id, stage string) (string, error) {
	return s.read(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id, VersionStage: &stage}, stage)
}

// PendingVersion reads the text of AWSPENDING under a rotation's token.
func (s *Store) PendingVersion(ctx context.Context, id, token string) (string, error) {
	return s.read(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: &id, VersionId: &token, VersionStage: aws.String(Pending)}, Pending+" version "+token)
}

// VisiblePendingVersion is PendingVersion for a value that an earlier step wrote: not there yet means look again, for 5 s.
func (s *Store) VisiblePendingVersion(ctx context.Context, id, token string) (string, error) {
	// The bound is on the looks, not on the calls: one that it cut off would pass for a fault of the network.
	for until := time.Now().Add(visibleWithin); ; {
		text, err := s.PendingVersion(ctx, id, token)
		if !errors.Is(err, ErrNoValue) {
			return text, err
		}
		if time.Now().After(until) {
			return "", fmt.Errorf("%w: createSecret must come first", err)
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(visiblePause):
		}
	}
}

func (s *Store) read(ctx context.Context, in *secretsmanager.GetSecretValueInput, what string) (string, error) {
	out, err := s.client.GetSecretValue(ctx, in)
	if notFound := new(types.ResourceNotFoundException); errors.As(err, &notFound) {
		return "", fmt.Errorf("reading %s of secret %s: %w: %s", what, aws.ToString(in.SecretId), ErrNoValue, notFound.ErrorMessage())
	}
	if err != nil {
		return "", fmt.Errorf("reading %s of secret %s: %w", what, aws.ToString(in.SecretId), awserror.SecretsManager.Explain(err))
	}
	if out.SecretString == nil {
		return "", fmt.Errorf("reading %s of secret %s: its value is binary, not a JSON text", what, aws.ToString(in.SecretId))
	}
	return *out.SecretString, nil
}

// PasswordPolicy is what GetRandomPassword is asked for.
type PasswordPolicy struct {
	Length                  int64
	ExcludeCharacters       string
	ExcludeNumbers          bool
	ExcludePunctuation      bool
	ExcludeUppercase        bool
	ExcludeLowercase        bool
	RequireEachIncludedType bool
}

// RandomPassword has Secrets Manager make a password.
func (s *Store) RandomPassword(ctx context.Context, p PasswordPolicy) (string, error) {
	out, err := s.client.GetRandomPassword(ctx, &secretsmanager.GetRandomPasswordInput{
		PasswordLength:          &p.Length,
		ExcludeCharacters:       &p.ExcludeCharacters,
		ExcludeNumbers:          &p.ExcludeNumbers,
		ExcludePunctuation:      &p.ExcludePunctuation,
		ExcludeUppercase:        &p.ExcludeUppercase,
		ExcludeLowercase:        &p.ExcludeLowercase,
		RequireEachIncludedType: &p.RequireEachIncludedType,
	})
	if err != nil {
		return "", fmt.Errorf("asking Secrets Manager for a random password: %w", awserror.SecretsManager.Explain(err))
	}
	return aws.ToString(out.RandomPassword), nil
}

// PutPending stores a text as AWSPENDING under a rotation's token. Where the token already holds another text, as after a
// retry, that one is kept and no error is given. rotationToken is passed on where the service sent one: with an assumed role
// or across accounts it is what proves that this rotation's function made the version.
func (s *Store) PutPending(ctx context.Context, id, token, rotationToken, text string) error {
	in := &secretsmanager.PutSecretValueInput{
		SecretId: &id, ClientRequestToken: &token, SecretString: &text, VersionStages: []string{Pending}}
	if rotationToken != "" {
		in.RotationToken = &rotationToken
	}
	_, err := s.client.PutSecretValue(ctx, in)
	if exists := new(types.ResourceExistsException); errors.As(err, &exists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("storing AWSPENDING version %s of secret %s: %w", token, id, awserror.SecretsManager.Explain(err))
	}
	return nil
}

// KeepPending has AWSPENDING's version be AWSPREVIOUS too, so that it can be read once another is pending.
func (s *Store) KeepPending(ctx context.Context, id string) error {
	d, err := s.Describe(ctx, id)
	if err != nil {
		return err
	}
	pending, in := d.VersionOf(Pending), &secretsmanager.UpdateSecretVersionStageInput{SecretId: &id, VersionStage: aws.String(Previous)}
	if d.Has(pending, Previous) {
		return nil
	}
	in.MoveToVersionId = &pending
	if previous := d.VersionOf(Previous); previous != "" {
		in.RemoveFromVersionId = &previous
	}
	if _, err := s.client.UpdateSecretVersionStage(ctx, in); err != nil {
		return fmt.Errorf("moving AWSPREVIOUS of secret %s to version %s: %w", id, pending, awserror.SecretsManager.Explain(err))
	}
	return nil
}

// MoveCurrent moves AWSCURRENT from one version to another in one call. AWSPREVIOUS follows and, at the end of a rotation,
// the service itself takes AWSPENDING away (Secrets Manager User Guide, "Lambda rotation functions").
func (s *Store) MoveCurrent(ctx context.Context, id, from, to string) error {
	_, err := s.client.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &id, VersionStage: aws.String(Current), MoveToVersionId: &to, RemoveFromVersionId: &from})
	if err != nil {
		return fmt.Errorf("moving AWSCURRENT of secret %s from version %s to %s: %w", id, from, to, awserror.SecretsManager.Explain(err))
	}
	return nil
}
