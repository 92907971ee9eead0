package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"pgrotator/rotator/check"
	"pgrotator/rotator/fleet"
	"pgrotator/rotator/report"
	"pgrotator/rotator/role"
	"pgrotator/rotator/rotation"
	"pgrotator/rotator/setup"
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
	Adopt  bool   `json:"adopt"`
	For    string `json:"for"`
	DryRun bool   `json:"dryRun"`
	Brief  bool   `json:"brief"`

	Runs     []fleet.Run     `json:"runs"`
	Manifest *fleet.Manifest `json:"manifest"`
	Failure  *fleet.Failure  `json:"failure"`
	Into     *fleet.Place    `json:"into"`
}

// handler dispatches events to the parts of the function.
type handler struct {
	accounts *accounts
	digester *fleet.Digester
	save     fleet.Save
	reports  string // REPORT_BUCKET, "" = none
	metrics  *metrics
	log      *slog.Logger
}

// handle decodes an event, has it carried out before Lambda's deadline, and logs the outcome once.
func (h *handler) handle(ctx context.Context, payload json.RawMessage) (any, error) {
	e, err := decode(payload)
	if err != nil {
		h.note(ctx, e, 0, err)
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
	case "list":
		return h.answerList(ctx, e)
	case "digest":
		return h.digest(ctx, e)
	}
	w, err := h.accounts.of(e.SecretID)
	if err != nil {
		return nil, err
	}
	switch e.Action {
	case "":
		return nil, h.rotate(ctx, w, e)
	case "setup":
		return w.setup.Run(ctx, setup.Request{SecretID: e.SecretID, Repair: e.Repair, Adopt: e.Adopt, For: e.For})
	case "revoke":
		return w.revoke.Run(ctx, e.SecretID)
	case "check":
		return h.runCheck(ctx, w, e), nil
	default:
		return h.runSweep(ctx, w, e)
	}
}

func (h *handler) rotate(ctx context.Context, w *work, e event) error {
	begun := time.Now()
	outcome, err := w.rotation.Run(ctx, rotation.Step{
		Name: e.Step, SecretID: e.SecretID, Token: e.ClientRequestToken, RotationToken: e.RotationToken})
	if step := rotation.StepName(e.Step); step != "" { // a dimension must not be the caller's choice
		h.metrics.step(step, time.Since(begun), outcome, err)
	}
	return err
}

func (h *handler) runCheck(ctx context.Context, w *work, e event) check.Report {
	report := w.check.Run(ctx, e.SecretID, e.For)
	if e.For != role.ForSweep {
		h.metrics.check(report)
	}
	return report
}

func (h *handler) runSweep(ctx context.Context, w *work, e event) (any, error) {
	begun := time.Now()
	run := w.sweep.Run
	if e.Brief {
		run = w.sweep.RunInFleet
	}
	report, err := run(ctx, e.SecretID, e.DryRun)
	h.metrics.sweep(time.Since(begun), report, err)
	if err != nil {
		return nil, err
	}
	h.log.InfoContext(ctx, "sweep report", slog.Any("report", report))
	if e.Brief {
		return report.Brief(), nil
	}
	return report, nil
}

func (h *handler) list(ctx context.Context) (fleet.List, error) {
	accounts, err := h.accounts.ofFleet()
	if err != nil {
		return fleet.List{}, err
	}
	return fleet.ListSecrets(ctx, accounts, time.Now())
}

// answerList gives the list, or where it has been written, which is nowhere that an auditor reads.
func (h *handler) answerList(ctx context.Context, e event) (any, error) {
	if e.Into != nil && e.Into.Bucket == h.reports {
		return nil, fmt.Errorf(`the event's key "into" names the bucket %q, which is REPORT_BUCKET and holds evidence: name the fleet's own, the stack's output FleetResultsBucket`, e.Into.Bucket)
	}
	list, err := h.list(ctx)
	if err != nil {
		return nil, err
	}
	h.noteRotations(ctx, list)
	if e.Into == nil {
		return list, nil
	}
	return e.Into.Write(ctx, h.save, list, time.Now())
}

// noteRotations logs how old each secret's last rotation is: the dashboard lists them.
func (h *handler) noteRotations(ctx context.Context, list fleet.List) {
	for _, r := range list.Rotations {
		attributes := []any{slog.String("secretId", r.SecretID), slog.String("overdue", r.Overdue)}
		if !r.Last.IsZero() {
			attributes = append(attributes, slog.Int("days", int(time.Since(r.Last).Hours()/24)))
		}
		h.log.InfoContext(ctx, "last rotation", attributes...)
	}
}

// digest tells of all runs at once. Where the fleet cannot be listed it tells so, and of the runs all the same.
func (h *handler) digest(ctx context.Context, e event) (fleet.Told, error) {
	list, err := h.list(ctx)
	digest, told, err := h.digester.Tell(ctx, fleet.Runs{Runs: e.Runs, Manifest: e.Manifest, Failure: e.Failure}, list, err)
	if err != nil {
		return fleet.Told{}, err
	}
	h.metrics.digest(digest)
	h.noteDigest(ctx, digest)
	return told, nil
}

// noteDigest logs how it stands with each database that something is wrong with: a line each, since one line of all may be cut.
func (h *handler) noteDigest(ctx context.Context, digest report.Digest) {
	for _, d := range digest.Databases {
		if d.State != report.Quiet {
			h.log.InfoContext(ctx, "digest", slog.String("secretId", d.SecretID), slog.Any("database", d))
		}
	}
	for _, f := range digest.Faults {
		h.log.WarnContext(ctx, "digest", slog.String("subject", f.Subject), slog.String("error", f.Error))
	}
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

const expected = `expected {"Step","SecretId","ClientRequestToken"} as Secrets Manager sends it, or {"action":"setup"|"check"|"sweep"|"revoke","secretId"}, {"action":"list"} or {"action":"digest","runs"|"manifest"}`

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
	if key := repeatedKey(payload); key != "" {
		return event{}, fmt.Errorf("the event has the key %q twice: %s", key, expected)
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return event{}, fmt.Errorf("the event's key %q is a %s: %s", strings.ReplaceAll(wrong.Field, ".Brief", ""), wrong.Value, expected)
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
	if allowed["secretId"] && e.SecretID == "" {
		return fmt.Errorf("action %q needs secretId: %s", e.Action, expected)
	}
	if e.For != "" && e.For != role.ForRotation && e.For != role.ForSweep {
		return fmt.Errorf(`the event's key "for" is %q; expected %q or %q`, e.For, role.ForRotation, role.ForSweep)
	}
	if e.Adopt && e.Repair {
		return errors.New(`the event's key "adopt" does not go with "repair": run setup once for each`)
	}
	if e.Action == "digest" {
		return e.admitDigest()
	}
	if e.Into != nil {
		return e.admitInto()
	}
	return nil
}

// admitInto refuses what S3 would take for more than a bucket's name, such as an access point's ARN.
func (e event) admitInto() error {
	if err := e.Into.Admit(); err != nil {
		return err
	}
	if !regexp.MustCompile(bucketName).MatchString(e.Into.Bucket) {
		return fmt.Errorf(`the event's key "into" has the bucket %.100q: expected the name of an S3 bucket`, e.Into.Bucket)
	}
	return nil
}

func (e event) admitDigest() error {
	switch {
	case (e.Runs == nil) == (e.Manifest == nil):
		return errors.New(`action "digest" needs either runs, a list of sweeps' answers, or manifest, {"bucket","key"}: ` + expected)
	case e.Manifest != nil && e.Failure != nil:
		return errors.New(`the event's key "failure" does not go with "manifest": it says why there is none`)
	case e.Manifest != nil:
		return e.Manifest.Admit()
	}
	if e.Failure != nil {
		if err := e.Failure.Admit(); err != nil {
			return err
		}
	}
	return fleet.Admit(e.Runs)
}

// actionKeys is what each action may be given.
var actionKeys = map[string]map[string]bool{
	"setup":  {"action": true, "secretId": true, "repair": true, "adopt": true, "for": true},
	"check":  {"action": true, "secretId": true, "for": true},
	"sweep":  {"action": true, "secretId": true, "dryRun": true, "brief": true},
	"revoke": {"action": true, "secretId": true},
	"list":   {"action": true, "into": true},
	"digest": {"action": true, "runs": true, "manifest": true, "failure": true},
}
