package secret

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/awserror"
	"pgrotator/rotator/script"
)

// MirrorTag marks a secret that an RDS Proxy reads as a copy, with the ARN of the secret that it copies one user of. Whoever may
// write a secret's value could else have any secret overwritten.
const MirrorTag = "pgrotator:mirror-of"

// Mirror is such a secret, for one user.
type Mirror struct {
	ARN   string
	User  string
	value Value
	empty bool // nothing is stored in it yet
}

// Empty reports that nothing is stored in the mirror yet.
func (m Mirror) Empty() bool { return m.empty }

// Holds reports that the mirror has a password already.
func (m Mirror) Holds(password string) bool { return !m.empty && m.value.Password == password }

// ReadMirror reads the mirror at arn. It is an error unless it carries the tag with the ARN of the secret it is a mirror of, and its
// value, if there is one, names user.
func (s *Store) ReadMirror(ctx context.Context, arn, of, user string) (Mirror, error) {
	description, err := s.Describe(ctx, arn)
	if err != nil {
		return Mirror{}, fmt.Errorf("looking at the mirror of %q: %w", user, err)
	}
	if tag := description.Tags[MirrorTag]; tag != of {
		return Mirror{}, fmt.Errorf("the mirror of %q, %s, carries the tag %s = %q and not this secret's ARN, so it is not written; if it is meant for this secret: %s",
			user, arn, MirrorTag, tag, script.Tag(arn, MirrorTag, of))
	}
	m := Mirror{ARN: arn, User: user}
	text, err := s.Stage(ctx, arn, Current)
	if errors.Is(err, ErrNoValue) {
		m.empty = true
		return m, nil
	}
	if err != nil {
		return Mirror{}, fmt.Errorf("looking at the mirror of %q: %w", user, err)
	}
	if m.value, err = ParseMirror(text); err != nil {
		return Mirror{}, fmt.Errorf("reading the mirror of %q, %s: %w", user, arn, err)
	}
	if m.value.Username != user {
		return Mirror{}, fmt.Errorf("the mirror of %q, %s, is for the user %q, so it is not written: give each user a mirror of its own in the secret's key \"mirrors\"",
			user, arn, m.value.Username)
	}
	return m, nil
}

// WriteMirror makes a password the mirror's AWSCURRENT, with all its other keys as they were. token makes that repeatable; "" is a
// new one.
func (s *Store) WriteMirror(ctx context.Context, m Mirror, token, password string) error {
	if m.Holds(password) {
		return nil
	}
	text, err := m.value.WithCredential(m.User, password)
	if err != nil {
		return fmt.Errorf("writing the mirror of %q, %s: %w", m.User, m.ARN, err)
	}
	in := &secretsmanager.PutSecretValueInput{SecretId: &m.ARN, SecretString: &text, VersionStages: []string{Current}}
	if token != "" {
		in.ClientRequestToken = &token
	}
	_, err = s.client.PutSecretValue(ctx, in)
	if exists := new(types.ResourceExistsException); errors.As(err, &exists) {
		return fmt.Errorf("writing the mirror of %q, %s: version %s holds another value already: somebody wrote the mirror during the rotation; clear AWSPENDING and rotate again",
			m.User, m.ARN, token)
	}
	if err != nil {
		return fmt.Errorf("writing the mirror of %q, %s: %w", m.User, m.ARN, awserror.SecretsManager.Explain(err))
	}
	return nil
}
