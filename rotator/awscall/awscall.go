// Package awscall calls AWS services of which little is asked, where the SDK's client would weigh far more in the binary: it has every
// form of every operation.
package awscall

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Service is an AWS service, called in the Region of own.
type Service struct {
	Own  aws.Config
	Name string // in its host name and in signatures, such as ec2
	ID   string // in AWS_ENDPOINT_URL_…, such as SecurityHub
	// Refusal is the code and the message of an error that the service answers with. The message is "" where none can be read.
	Refusal func(header http.Header, body []byte) (code, message string)
}

// Post sends a body of that content type, again where an error says that it may be of use, and returns the answer's body, of which it
// reads a megabyte at most. The errors that the service answers are a smithy.APIError in an awshttp.ResponseError.
func (s Service) Post(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	again := retry.NewStandard()
	for attempt := 1; ; attempt++ {
		text, err := s.post(ctx, path, contentType, body)
		if err == nil || attempt >= again.MaxAttempts() || !again.IsErrorRetryable(err) {
			return text, err
		}
		if pause, _ := again.RetryDelay(attempt, err); !waited(ctx, pause) {
			return nil, err
		}
	}
}

// waited waits, and is false where ctx has ended before.
func waited(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// post signs and sends a request, once.
func (s Service) post(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	request, err := s.request(ctx, path, contentType, body)
	if err != nil {
		return nil, err
	}
	var client aws.HTTPClient = awshttp.NewBuildableClient()
	if s.Own.HTTPClient != nil {
		client = s.Own.HTTPClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, &smithyhttp.RequestSendError{Err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, s.refusal(response, text)
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return text, nil
}

func (s Service) request(ctx context.Context, path, contentType string, body []byte) (*http.Request, error) {
	endpoint, err := s.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	credentials, err := s.Own.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting the function's credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	return request, v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), s.Name, s.Own.Region, time.Now())
}

// endpoint is where the service is: at AWS_ENDPOINT_URL_…, at AWS_ENDPOINT_URL, or where AWS has it, by a name that is formed as Lambda's
// is, with dual stack and in every partition; with FIPS too, but for EC2's in GovCloud (the endpoint rules of each in the SDK).
func (s Service) endpoint(ctx context.Context) (string, error) {
	alike := awslambda.NewFromConfig(s.Own).Options()
	for _, source := range s.Own.ConfigSources {
		if given, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok {
			if url, found, err := given.GetServiceBaseEndpoint(ctx, s.ID); found || err != nil {
				return url, err
			}
		}
	}
	if s.Own.BaseEndpoint != nil {
		return *s.Own.BaseEndpoint, nil
	}
	resolved, err := alike.EndpointResolverV2.ResolveEndpoint(ctx, awslambda.EndpointParameters{
		Region:       &s.Own.Region,
		UseFIPS:      aws.Bool(alike.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack: aws.Bool(alike.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	})
	if err != nil {
		return "", fmt.Errorf("finding the endpoint: %w", err)
	}
	return strings.Replace(resolved.URI.String(), "//lambda", "//"+s.Name, 1), nil
}

// refusal is the error that a response tells.
func (s Service) refusal(response *http.Response, text []byte) error {
	code, message := s.Refusal(response.Header, text)
	if message == "" {
		message = fmt.Sprintf("%.200q", text)
	}
	return &awshttp.ResponseError{RequestID: response.Header.Get("X-Amzn-Requestid"), ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: response}, Err: &smithy.GenericAPIError{Code: code, Message: message}}}
}
