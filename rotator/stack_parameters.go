package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// parametersHandler is the Handler of the function that looks at a stack's parameters while it is deployed, and does nothing else.
const parametersHandler = "stack-parameters"

// stackRequest is CloudFormation's request to a custom resource (User Guide, "Custom resource request objects").
type stackRequest struct {
	RequestType           string // Create, Update or Delete
	ResponseURL           string
	StackID               string `json:"StackId"`
	RequestID             string `json:"RequestId"`
	LogicalResourceID     string `json:"LogicalResourceId"`
	PhysicalResourceID    string `json:"PhysicalResourceId"`
	ResourceProperties    stackParameters
	OldResourceProperties stackParameters
}

// stackParameters are the parameters of a stack that nothing else looks at before the functions run.
type stackParameters struct {
	Settings  map[string]string // the functions' variables, as readConfig has them
	Schedule  string            // by which the secret rotates, rate(…) or cron(…); "" = the stack does not have it rotate
	NewSecret map[string]string // what the value of a secret is made of that the stack makes; none where it makes none
	Sweep     *stackSweep       // nil = no alarm tells of a sweep that is missing
	Arns      map[string]texts  // of what the functions use, by parameter; "" = none
	Network   *stackNetwork     // nil = the stack makes no VPC endpoints
}

// stackAnswer is what CloudFormation waits for.
type stackAnswer struct {
	Status             string // SUCCESS or FAILED
	Reason             string
	PhysicalResourceID string `json:"PhysicalResourceId"`
	StackID            string `json:"StackId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
}

// answerStack tells CloudFormation whether a stack may have its parameters.
func answerStack(ctx context.Context, request stackRequest, log *slog.Logger) error {
	answer := stackAnswer{Status: "SUCCESS", PhysicalResourceID: request.ResourceProperties.identity(),
		StackID: request.StackID, RequestID: request.RequestID, LogicalResourceID: request.LogicalResourceID}
	if request.RequestType == "Delete" {
		answer.PhysicalResourceID = request.PhysicalResourceID
	} else if err := request.admit(ctx, log); err != nil {
		answer.Status, answer.Reason = "FAILED", shorten(err.Error())
		if request.RequestType == "Update" { // another identity would have this one deleted
			answer.PhysicalResourceID = request.PhysicalResourceID
		}
	}
	return put(ctx, request.ResponseURL, answer)
}

// admit returns an error where the functions would not start with the settings or would refuse to rotate, where an alarm would come in
// vain, where what the functions use is of another Region, where the secret that the stack made would be overwritten, or where the
// stack's endpoints cannot be in their subnets. What was admitted once is admitted again: a rollback goes back to it.
func (r stackRequest) admit(ctx context.Context, log *slog.Logger) error {
	now, before := r.ResourceProperties, r.OldResourceProperties
	if now.identity() == r.PhysicalResourceID {
		return nil
	}
	c, err := readConfig(func(name string) (string, bool) { value, ok := now.Settings[name]; return value, ok })
	if err == nil {
		err = now.admitSchedules(c.rotation.ValidDays)
	}
	err = errors.Join(err, admitRegion(now.Arns, os.Getenv("AWS_REGION"))) // Lambda's own
	if r.RequestType == "Update" && len(now.NewSecret) > 0 && len(before.NewSecret) > 0 && !strings.HasPrefix(r.PhysicalResourceID, digest(now.NewSecret)) {
		err = errors.Join(err, overwriting(before.NewSecret, now.NewSecret))
	}
	if now.Network != nil {
		err = errors.Join(err, now.Network.admit(ctx, log))
	}
	return err
}

// overwriting says which parameters of the new secret would change.
func overwriting(before, now map[string]string) error {
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if now[name] != before[name] {
			changed = append(changed, fmt.Sprintf("%s from %q to %q", name, before[name], now[name]))
		}
	}
	return fmt.Errorf("changing %s would have CloudFormation write a new password into the secret, which the database does not know: leave the parameters of the "+
		"new secret as they were and change the secret's value (aws secretsmanager put-secret-value), or give the stack's output SecretArn as the parameter SecretArn, "+
		"which keeps the secret as it is", strings.Join(changed, ", "))
}

// identity stands for the parameters, those of the new secret first.
func (p stackParameters) identity() string {
	identity := digest(p.NewSecret) + "-" + digest(p.Settings)
	if p.Schedule != "" {
		identity += "-" + digest(p.Schedule)
	}
	if p.Sweep != nil {
		identity += "-" + digest(p.Sweep)
	}
	if len(p.Arns) > 0 {
		identity += "-" + digest(p.Arns)
	}
	if p.Network != nil {
		identity += "-" + digest(p.Network)
	}
	return identity
}

func digest(values any) string {
	text, err := json.Marshal(values) // a map in the order of its keys
	if err != nil {
		panic(err) // of strings there is none
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// shorten keeps a reason within the 4,096 bytes that an answer may have in all.
func shorten(reason string) string {
	const most = 2000
	if len(reason) <= most {
		return reason
	}
	return strings.ToValidUTF8(reason[:most], "") + "…"
}

// answerTimeout is how long sending an answer may take.
const answerTimeout = 20 * time.Second

// put sends an answer to the signed address that CloudFormation has given.
func put(ctx context.Context, url string, answer stackAnswer) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return errors.New("answering CloudFormation: the ResponseURL of the event is no URL")
	}
	client := http.Client{Timeout: answerTimeout}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("answering CloudFormation: %w", errors.Unwrap(err)) // without the address, which is a credential
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answering CloudFormation: its address says %s", response.Status)
	}
	return nil
}
