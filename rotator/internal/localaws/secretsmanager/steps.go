package secretsmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pgrotator/rotator/internal/localaws/protocol"
)

// The steps that Secrets Manager asks a rotation function for.
const (
	stepCreate = "createSecret"
	stepSet    = "setSecret"
	stepTest   = "testSecret"
	stepFinish = "finishSecret"
)

func rotationSteps() []string {
	return []string{stepCreate, stepSet, stepTest, stepFinish}
}

// errRotationCancelled ends a rotation that CancelRotateSecret stopped.
var errRotationCancelled = errors.New("the rotation was cancelled")

// rotation is one run of a rotation function; the store's lock guards it.
type rotation struct {
	secret        *secret
	token         string
	rotationToken string
	functionARN   string
	steps         []string
	cancelled     bool
	done          chan struct{} // closed when it has ended
	err           error         // set before done is closed
}

// RotationError is a rotation that Secrets Manager gave up: its event is
// RotationFailed.
type RotationError struct {
	Secret   string // name
	Step     string // that failed last
	Attempts int    // runs that began with createSecret
	// ErrorType and Message are the function's errorType and errorMessage.
	ErrorType, Message string
}

func (e *RotationError) Error() string {
	return fmt.Sprintf("rotating %s: %s failed, attempt %d: %s: %s", e.Secret, e.Step, e.Attempts, e.ErrorType, e.Message)
}

// WaitRotation waits for the rotation of a secret (name or ARN) that is under
// way, else looks at the last one, and tells how it ended: nil, or a
// [*RotationError] with the function's last error.
func (s *Store) WaitRotation(ctx context.Context, secretID string) error {
	r, err := s.latestRotation(secretID)
	if err != nil {
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the rotation of %s: %w", secretID, ctx.Err())
	}
}

func (s *Store) latestRotation(secretID string) (*rotation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(&secretID)
	if err != nil {
		return nil, fmt.Errorf("waiting for the rotation of %s: %w", secretID, err)
	}
	if found.lastRotation == nil {
		return nil, fmt.Errorf("waiting for the rotation of %s: none was started", secretID)
	}
	return found.lastRotation, nil
}

func newRotation(target *secret, token string, steps []string) *rotation {
	return &rotation{secret: target, token: token, rotationToken: protocol.NewUUID(),
		functionARN: target.rotation.functionARN, steps: steps, done: make(chan struct{})}
}

// begin runs r in the background. ended runs under the store's lock, before
// anybody who waits for r hears of it.
func (s *Store) begin(r *rotation, ended func(error)) {
	r.secret.inFlight, r.secret.lastRotation = r, r
	if s.closed {
		r.err = context.Canceled
		close(r.done)
		return
	}
	s.rotations.Go(func() {
		err := s.attempt(r)
		s.mu.Lock()
		defer s.mu.Unlock()
		r.secret.inFlight, r.err = nil, err
		ended(err)
		close(r.done)
	})
}

// Close refuses further rotations and waits for those under way.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.rotations.Wait()
}

// attempt runs all steps, and again from the first where one fails.
func (s *Store) attempt(r *rotation) error {
	s.mu.Lock()
	retries, pause := s.retries, s.retryDelay
	s.mu.Unlock()
	for attempt := 1; ; attempt++ {
		err := s.runSteps(r)
		failed, isStep := errors.AsType[*RotationError](err)
		if !isStep {
			return err
		}
		failed.Attempts = attempt
		if attempt > retries {
			return failed
		}
		select {
		case <-time.After(pause):
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
}

func (s *Store) runSteps(r *rotation) error {
	for _, step := range r.steps {
		if err := s.checkCancelled(r); err != nil {
			return err
		}
		if err := s.runStep(r, step); err != nil {
			return err
		}
		if err := s.checkStep(r, step); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) checkCancelled(r *rotation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.cancelled {
		return errRotationCancelled
	}
	return nil
}

// runStep invokes the function as Secrets Manager does.
func (s *Store) runStep(r *rotation, step string) error {
	f := s.functions.Function(r.functionARN)
	// Strings always encode.
	event, _ := json.Marshal(map[string]string{
		"Step": step, "SecretId": r.secret.arn, "ClientRequestToken": r.token, "RotationToken": r.rotationToken,
	})
	result, err := f.Invoke(s.ctx, event)
	if err != nil {
		return &RotationError{Secret: r.secret.name, Step: step, ErrorType: "Invoke", Message: err.Error()}
	}
	if result.FunctionError == "" {
		return nil
	}
	var told struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(result.Payload, &told); err != nil {
		told.ErrorMessage = string(result.Payload)
	}
	return &RotationError{Secret: r.secret.name, Step: step, ErrorType: told.ErrorType, Message: told.ErrorMessage}
}

// checkStep is what the service itself looks at after a step that succeeded.
func (s *Store) checkStep(r *rotation, step string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := r.secret.version(r.token)
	switch {
	case step == stepCreate && v != nil && !v.isEmpty() && v.source != r.functionARN:
		return fmt.Errorf("rotating %s: Pending secret version %s for Secret %s was not created by Lambda %s. Remove the AWSPENDING staging label and restart rotation",
			r.secret.name, r.token, r.secret.arn, r.functionARN)
	case step == stepFinish && r.secret.staged(stageCurrent) != v:
		return &RotationError{Secret: r.secret.name, Step: step, ErrorType: "RotationFailed",
			Message: "AWSCURRENT is not attached to version " + r.token}
	}
	return nil
}
