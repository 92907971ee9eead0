package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"pgrotator/rotator/awserror"
)

// SecurityHub imports findings into AWS Security Hub CSPM of the function's account and Region. It signs its one call itself: the SDK's
// client, which knows every form of every finding, would add 1.7 MB to the binary.
type SecurityHub struct{ own aws.Config }

// NewSecurityHub imports by the configuration of the function itself.
func NewSecurityHub(own aws.Config) *SecurityHub { return &SecurityHub{own} }

// Account is whose Security Hub is told, and in which partition: the function's own account, or outside of Lambda that of the ARN other.
func (h *SecurityHub) Account(ctx context.Context, other string) (partition, account string) {
	name := other
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		name = invocation.InvokedFunctionArn
	}
	parsed, err := arn.Parse(name)
	if err != nil {
		return "", ""
	}
	return parsed.Partition, parsed.AccountID
}

// Region is where findings are imported.
func (h *SecurityHub) Region() string { return h.own.Region }

// batch is how many findings a call takes at most (Security Hub CSPM API Reference, BatchImportFindings).
const batch = 100

// Import imports findings, each in AWS Security Finding Format, and returns those that were refused, with the cause, by their Ids. Where
// an error ends it, the findings from the index done on were not imported.
func (h *SecurityHub) Import(ctx context.Context, findings [][]byte) (refused map[string]string, done int, err error) {
	refused = map[string]string{}
	for done < len(findings) {
		some := findings[done:min(done+batch, len(findings))]
		answer, err := h.importBatch(ctx, some)
		if err != nil {
			return refused, done, fmt.Errorf("importing findings into Security Hub: %w", awserror.SecurityHub.Explain(explainHub(err)))
		}
		for _, f := range answer.FailedFindings {
			refused[f.ID] = f.ErrorCode + ": " + f.ErrorMessage
		}
		done += len(some)
	}
	return refused, done, nil
}

// explainHub adds the next step where Security Hub is not in use.
func explainHub(err error) error {
	if refusal, ok := errors.AsType[smithy.APIError](err); ok && refusal.ErrorCode() == "InvalidAccessException" {
		return fmt.Errorf("%w (enable Security Hub CSPM in the function's account and Region, or set SECURITY_HUB_FINDINGS to false)", err)
	}
	return err
}

// importAnswer is what BatchImportFindings answers.
type importAnswer struct {
	FailedFindings []struct {
		ID           string `json:"Id"`
		ErrorCode    string
		ErrorMessage string
	}
}

// importBatch makes one call, again where an error says that it may be of use.
func (h *SecurityHub) importBatch(ctx context.Context, findings [][]byte) (answer importAnswer, err error) {
	body := bytes.Join([][]byte{[]byte(`{"Findings":[`), bytes.Join(findings, []byte(",")), []byte("]}")}, nil)
	again := retry.NewStandard()
	for attempt := 1; ; attempt++ {
		text, err := h.post(ctx, "/findings/import", body)
		if err == nil {
			return answer, json.Unmarshal(text, &answer)
		}
		if attempt >= again.MaxAttempts() || !again.IsErrorRetryable(err) {
			return answer, err
		}
		if pause, _ := again.RetryDelay(attempt, err); !waited(ctx, pause) {
			return answer, err
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

// post signs and sends a request. The errors that the service answers are a smithy.APIError in an awshttp.ResponseError.
func (h *SecurityHub) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	request, err := h.request(ctx, path, body)
	if err != nil {
		return nil, err
	}
	var client aws.HTTPClient = awshttp.NewBuildableClient()
	if h.own.HTTPClient != nil {
		client = h.own.HTTPClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, &smithyhttp.RequestSendError{Err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, refusal(response, text)
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return text, nil
}

func (h *SecurityHub) request(ctx context.Context, path string, body []byte) (*http.Request, error) {
	endpoint, err := h.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	credentials, err := h.own.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting the function's credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	return request, v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "securityhub", h.own.Region, time.Now())
}

// endpoint is where Security Hub is: at AWS_ENDPOINT_URL_SECURITYHUB, at AWS_ENDPOINT_URL, or where AWS has it, by a name that is formed
// as Lambda's is, with FIPS, dual stack and in every partition (the endpoint rules of both in the SDK).
func (h *SecurityHub) endpoint(ctx context.Context) (string, error) {
	alike := awslambda.NewFromConfig(h.own).Options()
	for _, source := range h.own.ConfigSources {
		if s, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok {
			if given, found, err := s.GetServiceBaseEndpoint(ctx, "SecurityHub"); found || err != nil {
				return given, err
			}
		}
	}
	if h.own.BaseEndpoint != nil {
		return *h.own.BaseEndpoint, nil
	}
	resolved, err := alike.EndpointResolverV2.ResolveEndpoint(ctx, awslambda.EndpointParameters{
		Region:       &h.own.Region,
		UseFIPS:      aws.Bool(alike.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack: aws.Bool(alike.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	})
	if err != nil {
		return "", fmt.Errorf("finding the endpoint: %w", err)
	}
	return strings.Replace(resolved.URI.String(), "//lambda", "//securityhub", 1), nil
}

// refusal is the error that a response tells.
func refusal(response *http.Response, text []byte) error {
	var told struct{ Message string } // "message" too
	if json.Unmarshal(text, &told) != nil || told.Message == "" {
		told.Message = fmt.Sprintf("%.200q", text)
	}
	code, _, _ := strings.Cut(response.Header.Get("X-Amzn-Errortype"), ":")
	return &awshttp.ResponseError{RequestID: response.Header.Get("X-Amzn-Requestid"), ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: response}, Err: &smithy.GenericAPIError{Code: code, Message: told.Message}}}
}
