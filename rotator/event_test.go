package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localaws"
)

// newFunction is the bootstrap in an account where nothing is.
func newFunction(t *testing.T, env map[string]string) (*localaws.Stack, *localaws.Function) {
	t.Helper()
	stack, err := localaws.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	binary, err := localaws.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	function, err := stack.AddFunction(localaws.FunctionOptions{Name: "rotation", Binary: binary, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return stack, function
}

// refusal invokes the function, which must answer with an error.
func refusal(t *testing.T, function *localaws.Function, event string) (errorMessage string) {
	t.Helper()
	result, err := function.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var told struct{ ErrorMessage string }
	if err := json.Unmarshal(result.Payload, &told); err != nil || result.FunctionError == "" || told.ErrorMessage == "" {
		t.Fatalf("%s was answered with %s", event, result.Payload)
	}
	return told.ErrorMessage
}

const expected = `expected {"Step","SecretId","ClientRequestToken"} as Secrets Manager sends it, or {"action":"setup"|"check"|"sweep"|"revoke","secretId"}, {"action":"list"} or {"action":"digest","runs"|"manifest"}`

// events are the fixtures, by name, and what each is refused with.
var events = map[string][]string{
	"empty_object": {"neither Step nor action", expected}, "step_empty": {"neither Step nor action", expected},
	"null": {"not a JSON object", expected}, "list": {"not a JSON object", expected}, "text": {"not a JSON object", expected}, "number": {"not a JSON object", expected},
	"step_not_a_text":         {`key "Step" is a number`, expected},
	"secret_id_not_a_text":    {`key "SecretId" is a object`, expected},
	"token_not_a_text":        {`key "ClientRequestToken" is a array`, expected},
	"step_unknown":            {`unknown rotation step "rotateSecret"; expected createSecret, setSecret, testSecret or finishSecret`},
	"secret_id_missing":       {"needs SecretId and ClientRequestToken"},
	"token_missing":           {"needs SecretId and ClientRequestToken"},
	"step_and_action":         {"both Step and action", expected},
	"action_unknown":          {`unknown action "rotate"`, expected},
	"action_not_a_text":       {`key "action" is a array`, expected},
	"action_without_secret":   {`action "setup" needs secretId`, expected},
	"action_key_misspelt":     {`action "sweep" has no key "dryrun"`, expected},
	"action_key_of_another":   {`action "setup" has no key "dryRun"`, expected},
	"dry_run_null":            {`key "dryRun" is null: give it a value, or leave it out`},
	"action_key_twice":        {`key "dryRun" twice`, expected},
	"step_key_twice":          {`key "secretId" twice`, expected},
	"repair_not_a_boolean":    {`key "repair" is a string`, expected},
	"check_for_unknown":       {`"for" is "rotations"; expected "rotation" or "sweep"`},
	"brief_not_a_boolean":     {`key "brief" is a string`, expected},
	"brief_of_a_check":        {`action "check" has no key "brief"`, expected},
	"list_of_a_secret":        {`action "list" has no key "secretId"`, expected},
	"list_into_nowhere":       {`key "into" needs bucket`},
	"list_into_access_point":  {`"into" has the bucket "arn:aws:s3:us-east-1:123456789012:accesspoint/audit": expected the name`},
	"list_into_text":          {`key "into" is a string`, expected},
	"digest_of_nothing":       {`"digest" needs either runs, a list of sweeps' answers, or manifest`, expected},
	"digest_of_both":          {`"digest" needs either runs, a list of sweeps' answers, or manifest`, expected},
	"digest_runs_null":        {`key "runs" is null: give it a value, or leave it out`},
	"digest_runs_an_object":   {`key "runs" is a object`, expected},
	"digest_runs_texts":       {`key "runs" is a string`, expected},
	"digest_run_null":         {`key "runs" has no secretId at place 2`},
	"digest_run_wrong":        {`key "runs.ok" is a string`, expected},
	"digest_failure_manifest": {`"failure" does not go with "manifest"`},
	"digest_failure_text":     {`key "failure" is a string`, expected},
	"digest_failure_unsaid":   {`key "failure" needs Error, and may have Cause`},
	"digest_manifest_text":    {`key "manifest" is a string`, expected},
	"digest_manifest_short":   {`key "manifest" needs bucket and key`},
}

// What is no event of the function is refused before any AWS call, with what was expected.
func TestEventsThatAreRefused(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../testdata/events/*.json")
	if err != nil || len(paths) != len(events) {
		t.Fatalf("%d fixtures and %d expectations, error %v", len(paths), len(events), err)
	}
	stack, function := newFunction(t, nil)
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		event, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(events[name]) == 0 {
			t.Errorf("no expectation for %s", path)
		}
		message := refusal(t, function, string(event))
		for _, want := range events[name] {
			if !strings.Contains(message, want) {
				t.Errorf("%s: %q; want %q", name, message, want)
			}
		}
	}
	if calls := stack.Calls(); len(calls) > 0 {
		t.Errorf("AWS was called: %v", calls)
	}
	if logged := strings.Count(function.Output(), `"msg":"event failed","requestId":"`); logged != len(paths) {
		t.Errorf("%d events were refused, and %d lines tell so", len(paths), logged)
	}
}

// A rotation event with keys that AWS may add one day is one all the same.
func TestUnknownKeysOfARotationEventAreIgnored(t *testing.T) {
	t.Parallel()
	_, function := newFunction(t, nil)
	message := refusal(t, function, `{"Step":"createSecret","SecretId":"none","ClientRequestToken":"t","Added":{"one":"day"}}`)
	if !strings.Contains(message, "describing secret none") || !strings.Contains(message, "ResourceNotFoundException") {
		t.Errorf("refused with %q", message)
	}
}
