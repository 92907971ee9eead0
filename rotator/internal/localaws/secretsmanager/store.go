// Package secretsmanager stands in for AWS Secrets Manager: secrets, their versions under staging labels, and their rotation.
package secretsmanager

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws/lambda"
	"pgrotator/rotator/internal/localaws/protocol"
)

// Staging labels that the service itself moves.
const (
	stageCurrent  = "AWSCURRENT"
	stagePending  = "AWSPENDING"
	stagePrevious = "AWSPREVIOUS"
)

// Store is Secrets Manager.
type Store struct {
	ctx        context.Context // ends the rotations under way
	functions  *lambda.Functions
	mu         sync.Mutex
	secrets    map[string]*secret // by name
	retries    int
	retryDelay time.Duration
	closed     bool
	rotations  sync.WaitGroup
}

// secret is one secret; its store's lock guards it.
type secret struct {
	name, arn, description, kmsKeyID string
	tags                             []types.Tag
	versions                         []*version // oldest first
	created, changed                 time.Time
	accessed, deleted                time.Time
	rotation                         rotationSettings
	inFlight                         *rotation
	lastRotation                     *rotation
}

// version is one version of a secret. text and binary are both nil in the
// empty one that a rotation begins with.
type version struct {
	id       string
	text     *string
	binary   []byte
	stages   []string
	created  time.Time
	accessed time.Time
	// source is the function that wrote the value, or on whose behalf it was
	// written, as its RotationToken proved; "" = anyone else.
	source string
}

// New is an account without secrets. Rotations under way end with ctx.
func New(ctx context.Context, fs *lambda.Functions) *Store {
	return &Store{
		ctx:        ctx,
		functions:  fs,
		secrets:    map[string]*secret{},
		retries:    2,
		retryDelay: 50 * time.Millisecond,
	}
}

// Service is the API of s.
func (s *Store) Service() *protocol.Service {
	return protocol.NewJSONService("secretsmanager", map[string]protocol.Operation{
		"CreateSecret":             protocol.JSONOperation(s.createSecret),
		"UpdateSecret":             protocol.JSONOperation(s.updateSecret),
		"DeleteSecret":             protocol.JSONOperation(s.deleteSecret),
		"DescribeSecret":           protocol.JSONOperation(s.describeSecret),
		"ListSecrets":              protocol.JSONOperation(s.listSecrets),
		"TagResource":              protocol.JSONOperation(s.tagResource),
		"UntagResource":            protocol.JSONOperation(s.untagResource),
		"GetSecretValue":           protocol.JSONOperation(s.getSecretValue),
		"PutSecretValue":           protocol.JSONOperation(s.putSecretValue),
		"ListSecretVersionIds":     protocol.JSONOperation(s.listSecretVersionIDs),
		"UpdateSecretVersionStage": protocol.JSONOperation(s.updateSecretVersionStage),
		"GetRandomPassword":        protocol.JSONOperation(getRandomPassword),
		"RotateSecret":             protocol.JSONOperation(s.rotateSecret),
		"CancelRotateSecret":       protocol.JSONOperation(s.cancelRotateSecret),
	})
}

func invalidRequest(message string) error {
	return &protocol.Error{Code: "InvalidRequestException", Status: 400, Message: message}
}

// find resolves a name, an ARN, or an ARN without its six-character suffix.
func (s *Store) find(id *string) (*secret, error) {
	if aws.ToString(id) == "" {
		return nil, protocol.InvalidParameter("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	if found := s.secrets[*id]; found != nil {
		return found, nil
	}
	for _, candidate := range s.secrets {
		if candidate.arn == *id || candidate.arn[:len(candidate.arn)-len("-ABCDEF")] == *id {
			return candidate, nil
		}
	}
	return nil, protocol.NotFound("Secrets Manager can't find the specified secret.")
}

// findLive is find, for what a secret marked for deletion refuses.
func (s *Store) findLive(id *string) (*secret, error) {
	found, err := s.find(id)
	if err != nil {
		return nil, err
	}
	if !found.deleted.IsZero() {
		return nil, invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
	}
	return found, nil
}

// version is the one with an id, nil = none.
func (s *secret) version(id string) *version {
	i := slices.IndexFunc(s.versions, func(v *version) bool { return v.id == id })
	if i < 0 {
		return nil
	}
	return s.versions[i]
}

// staged is the version that a label is attached to, nil = none.
func (s *secret) staged(stage string) *version {
	i := slices.IndexFunc(s.versions, func(v *version) bool { return slices.Contains(v.stages, stage) })
	if i < 0 {
		return nil
	}
	return s.versions[i]
}

// isEmpty tells of a version without a value.
func (v *version) isEmpty() bool { return v.text == nil && v.binary == nil }

// holds tells whether v has exactly this value.
func (v *version) holds(text *string, binary []byte) bool {
	sameText := (v.text == nil) == (text == nil) && aws.ToString(v.text) == aws.ToString(text)
	return sameText && slices.Equal(v.binary, binary)
}

// attach moves a label to v; AWSPREVIOUS follows where AWSCURRENT leaves.
func (s *secret) attach(v *version, stage string) {
	from := s.staged(stage)
	if from == v {
		return
	}
	if from != nil {
		from.detach(stage)
	}
	v.stages = append(v.stages, stage)
	if stage == stageCurrent && from != nil {
		s.attach(from, stagePrevious)
	}
}

func (v *version) detach(stage string) {
	v.stages = slices.DeleteFunc(v.stages, func(s string) bool { return s == stage })
}

// remove forgets a version.
func (s *secret) remove(v *version) {
	s.versions = slices.DeleteFunc(s.versions, func(other *version) bool { return other == v })
}

// sorted lists the secrets by name.
func (s *Store) sorted() []*secret {
	var all []*secret
	for _, one := range s.secrets {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *secret) int { return cmp.Compare(a.name, b.name) })
	return all
}

// newSecretARN appends the hyphen and the six random characters that the service adds to a name.
func newSecretARN(account, name string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var suffix strings.Builder
	for range 6 {
		suffix.WriteByte(letters[randomIndex(len(letters))])
	}
	return "arn:aws:secretsmanager:" + protocol.Region + ":" + account + ":secret:" + name + "-" + suffix.String()
}
