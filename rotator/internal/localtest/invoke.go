package localtest

import (
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
)

// Rotate asks Secrets Manager for a rotation and waits for its end. The error is the function's last.
func (s *Scene) Rotate() error {
	s.t.Helper()
	if _, err := s.Secrets.RotateSecret(s.t.Context(), s.rotateInput()); err != nil {
		return err
	}
	return s.AWS.WaitRotation(s.t.Context(), s.SecretID)
}

func (s *Scene) rotateInput() *secretsmanager.RotateSecretInput {
	return &secretsmanager.RotateSecretInput{
		SecretId: &s.SecretID, RotationLambdaARN: aws.String(s.Function.ARN()),
		RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}}
}

// TestOnly is rotate-secret --no-rotate-immediately.
func (s *Scene) TestOnly() error {
	s.t.Helper()
	in := s.rotateInput()
	in.RotateImmediately = aws.Bool(false)
	if _, err := s.Secrets.RotateSecret(s.t.Context(), in); err != nil {
		return err
	}
	return s.AWS.WaitRotation(s.t.Context(), s.SecretID)
}

// Begin stages a new, empty version AWSPENDING, as Secrets Manager does before createSecret, and gives its token. The steps are
// the test's to send, by Step. It is a rotation whose every AWS call is refused, and so is given up at once.
func (s *Scene) Begin() (token string) {
	s.t.Helper()
	s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Function == "" {
			return localaws.Pass
		}
		return localaws.Fail("AccessDeniedException", 400)
	})
	s.AWS.SetRotationRetries(0, 0)
	out, err := s.Secrets.RotateSecret(s.t.Context(), s.rotateInput())
	if err != nil {
		s.t.Fatal(err)
	}
	refused := new(localaws.RotationError)
	if err := s.AWS.WaitRotation(s.t.Context(), s.SecretID); !errors.As(err, &refused) {
		s.t.Fatalf("a rotation without any AWS call ended with %v", err)
	}
	s.AWS.Intercept(nil)
	s.AWS.ResetCalls()
	return *out.VersionId
}

// Step sends one step of the rotation that Begin began.
func (s *Scene) Step(step, token string) error {
	s.t.Helper()
	_, err := s.Invoke(map[string]any{"Step": step, "SecretId": s.SecretID, "ClientRequestToken": token})
	return err
}

// Steps sends steps one after the other, all of which must succeed.
func (s *Scene) Steps(token string, steps ...string) {
	s.t.Helper()
	for _, step := range steps {
		if err := s.Step(step, token); err != nil {
			s.t.Fatalf("%s: %v", step, err)
		}
	}
}

// Invoke hands the function an event, JSON unless it is a string, and gives its answer, or its error.
func (s *Scene) Invoke(event any) (string, error) {
	s.t.Helper()
	result, err := s.Function.Invoke(s.t.Context(), []byte(text(s.t, event)))
	if err != nil {
		s.t.Fatal(err)
	}
	if result.FunctionError == "" {
		return string(result.Payload), nil
	}
	var failure struct{ ErrorMessage string }
	if err := json.Unmarshal(result.Payload, &failure); err != nil {
		s.t.Fatalf("reading the function's error %s: %v", result.Payload, err)
	}
	return "", errors.New(failure.ErrorMessage)
}

// Setup runs the setup action and lists what it changed.
func (s *Scene) Setup() ([]string, error) {
	s.t.Helper()
	return s.setup(map[string]any{"action": "setup", "secretId": s.SecretID})
}

// SetupFor runs the setup action for "rotation" or "sweep".
func (s *Scene) SetupFor(purpose string) ([]string, error) {
	s.t.Helper()
	return s.setup(map[string]any{"action": "setup", "secretId": s.SecretID, "for": purpose})
}

// Repair runs the setup action with repair.
func (s *Scene) Repair() ([]string, error) {
	s.t.Helper()
	return s.setup(map[string]any{"action": "setup", "secretId": s.SecretID, "repair": true})
}

func (s *Scene) setup(event map[string]any) ([]string, error) {
	s.t.Helper()
	answer, err := s.Invoke(event)
	if err != nil {
		return nil, err
	}
	var report struct{ Changed []string }
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		s.t.Fatal(err)
	}
	return report.Changed, nil
}

// MustSetupFor is SetupFor that must succeed.
func (s *Scene) MustSetupFor(purpose string) {
	s.t.Helper()
	if _, err := s.SetupFor(purpose); err != nil {
		s.t.Fatal(err)
	}
}

// MustSetup is Setup that must succeed.
func (s *Scene) MustSetup() {
	s.t.Helper()
	if _, err := s.Setup(); err != nil {
		s.t.Fatal(err)
	}
}
