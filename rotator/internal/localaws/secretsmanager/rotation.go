package secretsmanager

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws/lambda"
	"pgrotator/rotator/internal/localaws/protocol"
)

// rotationSettings are what DescribeSecret tells about a secret's rotation.
type rotationSettings struct {
	enabled     *bool // nil = never configured
	functionARN string
	rules       *rotationRules
	last, next  time.Time
}

// SetRotationRetries tells how often a failed rotation is run again, from
// createSecret and with the same token, and how long after. Unless told: 2
// times, 50 ms apart.
func (s *Store) SetRotationRetries(n int, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retries, s.retryDelay = n, delay
}

// rotateSecret stores the settings and starts a rotation, or, where
// RotateImmediately is false, a run of testSecret alone. It does not wait. The
// schedule is stored, but never starts a rotation.
func (s *Store) rotateSecret(_ protocol.Caller, in *secretsmanager.RotateSecretInput) (any, error) {
	if err := checkToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	rules, err := newRotationRules(in.RotationRules)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	token := tokenOrNew(in.ClientRequestToken)
	if found.hasRotated(token) {
		return secretOutput{ARN: found.arn, Name: found.name, VersionId: token}, nil
	}
	if err := s.enableRotation(found, in.RotationLambdaARN, rules); err != nil {
		return nil, err
	}
	if in.RotateImmediately != nil && !*in.RotateImmediately {
		s.startTest(found, token)
		return secretOutput{ARN: found.arn, Name: found.name}, nil
	}
	s.startRotation(found, token)
	return secretOutput{ARN: found.arn, Name: found.name, VersionId: token}, nil
}

// hasRotated tells of a repeated request: its rotation is under way or done.
func (s *secret) hasRotated(token string) bool {
	current := s.staged(stageCurrent)
	return s.inFlight != nil && s.inFlight.token == token || current != nil && current.id == token
}

// enableRotation checks that a rotation could start now, and stores its settings.
func (s *Store) enableRotation(target *secret, functionARN *string, rules *rotationRules) error {
	arn := aws.ToString(functionARN)
	if arn == "" {
		arn = target.rotation.functionARN
	}
	if arn == "" {
		return invalidRequest("No Lambda rotation function ARN is associated with this secret.")
	}
	if s.functions.Function(arn) == nil {
		return &protocol.Error{Code: "AccessDeniedException", Status: 400, Message: "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com."}
	}
	pending := target.staged(stagePending)
	if target.inFlight != nil || pending != nil && pending != target.staged(stageCurrent) {
		return invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.")
	}
	target.rotation.enabled = aws.Bool(true)
	target.rotation.functionARN = arn
	if rules != nil {
		target.rotation.rules = rules
	}
	target.rotation.next = target.rotation.rules.next(time.Now())
	return nil
}

// cancelRotateSecret switches rotation off and stops the one in progress before
// its next step. AWSPENDING stays where it is, as with the service.
func (s *Store) cancelRotateSecret(_ protocol.Caller, in *secretsmanager.CancelRotateSecretInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	if found.rotation.functionARN == "" {
		return nil, invalidRequest("No Lambda rotation function ARN is associated with this secret.")
	}
	found.rotation.enabled = aws.Bool(false)
	found.rotation.next = time.Time{}
	out := secretOutput{ARN: found.arn, Name: found.name}
	if found.inFlight != nil {
		found.inFlight.cancelled = true
		out.VersionId = found.inFlight.token
	}
	return out, nil
}

// BeginRotation does what the service does before createSecret, under the same
// rules, and nothing more: it attaches AWSPENDING to a new, empty version. The
// steps are the caller's to invoke, with these two as the event's
// ClientRequestToken and RotationToken. AWSPENDING is not removed afterwards; it
// hinders no further rotation once AWSCURRENT is on the same version.
func (s *Store) BeginRotation(secretID string, f *lambda.Function) (token, rotationToken string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	target, err := s.findLive(&secretID)
	if err != nil {
		return "", "", fmt.Errorf("beginning a rotation of %s: %w", secretID, err)
	}
	if err := s.enableRotation(target, aws.String(f.ARN()), nil); err != nil {
		return "", "", fmt.Errorf("beginning a rotation of %s: %w", secretID, err)
	}
	token = protocol.NewUUID()
	target.addPending(token)
	r := newRotation(target, token, nil)
	close(r.done)
	target.lastRotation = r
	return token, r.rotationToken, nil
}

// addPending attaches AWSPENDING to the version with that id, which is made,
// without a value, where it is missing.
func (s *secret) addPending(id string) *version {
	v := s.version(id)
	if v == nil {
		v = &version{id: id, created: time.Now()}
		s.versions = append(s.versions, v)
	}
	s.attach(v, stagePending)
	return v
}

// startRotation stages an empty version and has the function fill and prove it.
func (s *Store) startRotation(target *secret, token string) {
	v := target.addPending(token)
	r := newRotation(target, token, rotationSteps())
	s.begin(r, func(failed error) {
		if failed == nil {
			v.detach(stagePending)
			target.rotation.last = time.Now()
			target.rotation.next = target.rotation.rules.next(target.rotation.last)
		}
	})
}

// startTest runs testSecret on a copy of the current value, which is staged
// AWSPENDING meanwhile and removed afterwards.
func (s *Store) startTest(target *secret, token string) {
	v := &version{id: token, created: time.Now(), source: target.rotation.functionARN}
	if current := target.staged(stageCurrent); current != nil {
		v.text, v.binary = current.text, current.binary
	}
	target.versions = append(target.versions, v)
	target.attach(v, stagePending)
	r := newRotation(target, token, []string{stepTest})
	s.begin(r, func(error) { target.remove(v) })
}
