package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/smithy-go"

	"pgrotator/rotator/awscall"
	"pgrotator/rotator/awserror"
)

// SecurityHub imports findings into AWS Security Hub CSPM of the function's account and Region, without the SDK's client, which would
// add 1.7 MB to the binary.
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

// importBatch makes one call.
func (h *SecurityHub) importBatch(ctx context.Context, findings [][]byte) (answer importAnswer, err error) {
	body := bytes.Join([][]byte{[]byte(`{"Findings":[`), bytes.Join(findings, []byte(",")), []byte("]}")}, nil)
	service := awscall.Service{Own: h.own, Name: "securityhub", ID: "SecurityHub", Refusal: hubRefusal}
	text, err := service.Post(ctx, "/findings/import", "application/json", body)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(text, &answer)
}

// hubRefusal reads an error of Security Hub's.
func hubRefusal(header http.Header, body []byte) (code, message string) {
	var told struct{ Message string } // "message" too
	_ = json.Unmarshal(body, &told)   // without a message where it is none
	code, _, _ = strings.Cut(header.Get("X-Amzn-Errortype"), ":")
	return code, told.Message
}
