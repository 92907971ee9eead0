package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/logging"

	"pgrotator/rotator/command"
)

// asker gives the answer to an event about a secret, in JSON.
type asker func(ctx context.Context, secretID string, event json.RawMessage) (json.RawMessage, error)

// asker is who answers a command: the deployed function, Secrets Manager, or this process.
func (s *session) asker(ctx context.Context) (asker, error) {
	own, err := s.loadAWS(ctx)
	if err != nil {
		return nil, err
	}
	if s.line.Function != "" {
		return askFunction(own, s.line.Function), nil
	}
	c, err := readConfig(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	h := wire(c, own, s.warnings(c), io.Discard)
	if s.line.Command == command.Rotate {
		return s.askRotation(h), nil
	}
	return askHere(h), nil
}

// credentialsTimeout bounds the search for credentials, which ends at the metadata service of an instance that this may not be.
const credentialsTimeout = 20 * time.Second

// loadAWS reads the caller's own AWS configuration, and says what is missing of it.
func (s *session) loadAWS(ctx context.Context) (aws.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	own, err := loadAWS(ctx, awsconfig.WithSharedConfigProfile(s.line.Profile), awsconfig.WithRegion(s.line.Region),
		awsconfig.WithLogger(logging.Nop{})) // what the SDK logs of its search for credentials is no news to a person
	if err != nil {
		return aws.Config{}, err
	}
	if own.Region == "" {
		return aws.Config{}, errors.New("no AWS Region is set: give --region, set AWS_REGION, or write one into the profile")
	}
	if _, err := own.Credentials.Retrieve(ctx); err != nil {
		return aws.Config{}, fmt.Errorf("no AWS credentials: log in, give --profile, or set AWS_PROFILE; tried last: %w", err)
	}
	return own, nil
}

// askHere has this process do what the function does.
func askHere(h *handler) asker {
	return func(ctx context.Context, _ string, event json.RawMessage) (json.RawMessage, error) {
		e, err := decode(event)
		if err != nil {
			return nil, err
		}
		answer, err := h.dispatch(ctx, e)
		if err != nil {
			return nil, err
		}
		return json.Marshal(answer)
	}
}

// askRotation has Secrets Manager rotate, and waits for the end.
func (s *session) askRotation(h *handler) asker {
	return func(ctx context.Context, secretID string, _ json.RawMessage) (json.RawMessage, error) {
		w, err := h.accounts.of(secretID)
		if err != nil {
			return nil, err
		}
		version, earlier, err := w.store.StartRotation(ctx, secretID)
		if earlier {
			s.err.Say(fmt.Sprintf("An earlier rotation has not ended: its version %s is waited for. Where it was left unfinished, check has the command that clears it.", version))
		}
		if err == nil {
			err = w.store.AwaitRotation(ctx, secretID, version)
		}
		if err != nil {
			return nil, err
		}
		return json.Marshal(command.Rotated{SecretID: secretID, Version: version})
	}
}

// askFunction invokes a deployed function, once: what it does may go on where an answer was lost.
func askFunction(own aws.Config, function string) asker {
	client := awslambda.NewFromConfig(own, func(o *awslambda.Options) {
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Timeout = awsConnectTimeout })
	})
	return func(ctx context.Context, _ string, event json.RawMessage) (json.RawMessage, error) {
		out, err := client.Invoke(ctx, &awslambda.InvokeInput{FunctionName: &function, Payload: event})
		if err != nil {
			return nil, fmt.Errorf("invoking function %q: %w", function, err)
		}
		if out.FunctionError == nil {
			return out.Payload, nil
		}
		var told struct{ ErrorMessage string }
		if json.Unmarshal(out.Payload, &told) != nil || told.ErrorMessage == "" {
			told.ErrorMessage = fmt.Sprintf("%s, %.200q", *out.FunctionError, out.Payload)
		}
		return nil, fmt.Errorf("function %q: %s", function, told.ErrorMessage)
	}
}
