package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"pgrotator/rotator/check"
	"pgrotator/rotator/revoke"
	"pgrotator/rotator/role"
	"pgrotator/rotator/rotation"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/setup"
	"pgrotator/rotator/sweep"
)

// margin is what is left of Lambda's time when the work must stop, so that its answer still gets out.
const margin = 2 * time.Second

// event is everything that the function answers, told apart by Step and action.
type event struct {
	Step               string `json:"Step"`
	SecretID           string `json:"SecretId"`
	ClientRequestToken string `json:"ClientRequestToken"`
	RotationToken      string `json:"RotationToken"`

	Action string `json:"action"`
	Repair bool   `json:"repair"`
	For    string `json:"for"`
	DryRun bool   `json:"dryRun"`
}

// handler dispatches events to the parts of the function.
type handler struct {
	rotation *rotation.Rotation
	setup    *setup.Setup
	revoke   *revoke.Revoke
	check    *check.Check
	sweep    *sweep.Sweep
	store    *secret.Store
	metrics  *metrics
	log      *slog.Logger
}

// handle decodes an event, has it carried out before Lambda's deadline, and logs the outcome once.
func (h *handler) handle(ctx context.Context, payload json.RawMessage) (any, error) {
	e, err := decode(payload)
	if err != nil {
		return nil, err
	}
	ctx, cancel := withMargin(ctx)
	defer cancel()
	begun := time.Now()
	answer, err := h.dispatch(ctx, e)
	h.note(ctx, e, time.Since(begun), err)
	return answer, err
}

func (h *handler) dispatch(ctx context.Context, e event) (any, error) {
	switch e.Action {
	case "":
		return nil, h.rotate(ctx, e)
	case "setup":
		return h.setup.Run(ctx, setup.Request{SecretID: e.SecretID, Repair: e.Repair, For: e.For})
	case "revoke":
		return h.revoke.Run(ctx, e.SecretID)
	case "check":
		return h.runCheck(ctx, e), nil
	default:
		return h.runSweep(ctx, e)
	}
}

func (h *handler) rotate(ctx context.Context, e event) error {
	begun := time.Now()
	outcome, err := h.rotation.Run(ctx, rotation.Step{
		Name: e.Step, SecretID: e.SecretID, Token: e.ClientRequestToken, RotationToken: e.RotationToken})
	if step := rotation.StepName(e.Step); step != "" { // a dimension must not be the caller's choice
		h.metrics.step(step, time.Since(begun), outcome, err)
	}
	return err
}

func (h *handler) runCheck(ctx context.Context, e event) check.Report {
	report := h.check.Run(ctx, e.SecretID, e.For)
	if e.For != role.ForSweep {
		h.metrics.check(report)
	}
	return report
}

func (h *handler) runSweep(ctx context.Context, e event) (any, error) {
	begun := time.Now()
	report, err := h.sweep.Run(ctx, e.SecretID, e.DryRun)
	h.metrics.sweep(time.Since(begun), report, err)
	if err != nil {
		return nil, err
	}
	h.log.InfoContext(ctx, "sweep report", slog.Any("report", report))
	return report, nil
}

// note logs what was asked for and how it ended. Lambda's own log line of an error has neither secret nor step.
func (h *handler) note(ctx context.Context, e event, took time.Duration, err error) {
	attributes := []any{
		slog.String("requestId", requestID(ctx)), slog.String("secretId", e.SecretID),
		slog.String("step", e.Step+e.Action), slog.Int64("milliseconds", took.Milliseconds())}
	if err != nil {
		h.log.ErrorContext(ctx, "event failed", append(attributes, slog.String("error", err.Error()))...)
		return
	}
	h.log.InfoContext(ctx, "event done", attributes...)
}

func requestID(ctx context.Context) string {
	if lambda, ok := lambdacontext.FromContext(ctx); ok {
		return lambda.AwsRequestID
	}
	return ""
}

func withMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-margin))
	}
	return context.WithCancel(ctx)
}

const expected = `expected {"Step","SecretId","ClientRequestToken"} as Secrets Manager sends it, or {"action":"setup"|"check"|"sweep"|"revoke","secretId"}`

// decode refuses whatever is not one of the function's events. A rotation event may have keys that AWS adds one day; an
// action is typed by hand, and a misspelt key in it, such as dryrun for dryRun, must not pass unseen.
func decode(payload []byte) (event, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(payload), []byte("{")) {
		return event{}, errors.New("the event is not a JSON object: " + expected)
	}
	var keys map[string]json.RawMessage
	var e event
	if json.Unmarshal(payload, &keys) != nil {
		return event{}, errors.New("the event is not a JSON object: " + expected)
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return event{}, fmt.Errorf("the event's key %q is a %s: %s", wrong.Field, wrong.Value, expected)
		}
		return event{}, errors.New("reading the event: " + expected)
	}
	return e, e.admit(keys)
}

func (e event) admit(keys map[string]json.RawMessage) error {
	switch {
	case e.Step != "" && e.Action != "":
		return errors.New("the event has both Step and action: " + expected)
	case e.Step != "":
		return nil
	case e.Action == "":
		return errors.New("the event has neither Step nor action: " + expected)
	}
	allowed, known := actionKeys[e.Action]
	if !known {
		return fmt.Errorf("unknown action %q: %s", e.Action, expected)
	}
	for key, value := range keys {
		if !allowed[key] {
			return fmt.Errorf("action %q has no key %q: %s", e.Action, key, expected)
		}
		if string(value) == "null" { // a variable that is unset where the event is made: dryRun must not be taken for false
			return fmt.Errorf("the event's key %q is null: give it a value, or leave it out", key)
		}
	}
	if e.SecretID == "" {
		return fmt.Errorf("action %q needs secretId: %s", e.Action, expected)
	}
	if e.For != "" && e.For != role.ForRotation && e.For != role.ForSweep {
		return fmt.Errorf(`the event's key "for" is %q; expected %q or %q`, e.For, role.ForRotation, role.ForSweep)
	}
	return nil
}

// actionKeys is what each action may be given.
var actionKeys = map[string]map[string]bool{
	"setup":  {"action": true, "secretId": true, "repair": true, "for": true},
	"check":  {"action": true, "secretId": true, "for": true},
	"sweep":  {"action": true, "secretId": true, "dryRun": true},
	"revoke": {"action": true, "secretId": true},
}
