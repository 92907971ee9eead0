package secret

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/awserror"
)

// rotationPause is the time between two looks at a rotation: one of this function's takes a second or two.
const rotationPause = time.Second

// StartRotation has Secrets Manager rotate a secret now, by the function and the schedule that it has, and gives the version that is to
// become AWSCURRENT. Where an earlier rotation is under way or was left unfinished the service starts no other before that has ended, and
// version is that one's.
func (s *Store) StartRotation(ctx context.Context, id string) (version string, earlier bool, err error) {
	for {
		out, err := s.client.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: &id})
		if err == nil {
			return aws.ToString(out.VersionId), false, nil
		}
		err = fmt.Errorf("starting the rotation of secret %q: %w", id, awserror.SecretsManager.Explain(err))
		if !unfinished(err) {
			return "", false, err
		}
		d, describing := s.Describe(ctx, id)
		if version := d.VersionOf(Pending); version != "" || describing != nil {
			return version, true, describing
		}
		select {
		case <-ctx.Done():
			return "", false, err
		case <-time.After(rotationPause): // it has ended just now
		}
	}
}

// unfinished reports that another rotation has not ended. The service gives no code of its own for that (Secrets Manager User Guide,
// "Troubleshoot AWS Secrets Manager rotation").
func unfinished(err error) bool {
	var invalid *types.InvalidRequestException
	return errors.As(err, &invalid) && strings.Contains(invalid.ErrorMessage(), "previous rotation isn't complete")
}

// AwaitRotation waits until a rotation's version is AWSCURRENT, or has been and is AWSPREVIOUS. Secrets Manager repeats attempts that
// fail, and tells nobody why they do: the function's log does.
func (s *Store) AwaitRotation(ctx context.Context, id, version string) error {
	for seen := false; ; {
		d, err := s.Describe(ctx, id)
		pending := d.Has(version, Pending)
		switch {
		case err != nil && ctx.Err() == nil:
			return err
		case err == nil && (d.Has(version, Current) || d.Has(version, Previous)):
			return nil
		case err == nil && seen && !pending:
			return fmt.Errorf("rotation of secret %q was given up: version %s is not staged any more", id, version)
		}
		seen = seen || pending
		select {
		case <-ctx.Done():
			return fmt.Errorf("rotation of secret %q has not ended: version %s is not AWSCURRENT yet; check says what stands in the way, "+
				"the log of its function %q why each attempt failed, and Secrets Manager tries again by itself: %w", id, version, d.Function, context.Cause(ctx))
		case <-time.After(rotationPause):
		}
	}
}
