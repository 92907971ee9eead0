package lambda_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

func TestMain(m *testing.M) { awstest.Main(m) }

func TestInvokeAnswers(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	function := awstest.AddProbe(t, stack, localaws.FunctionOptions{Env: map[string]string{"COLOUR": "green", "AWS_REGION": "eu-west-1"}, Timeout: 30 * time.Second})
	for name, test := range map[string]struct{ event, want string }{
		"the handler's value":             {`{"do":"echo","value":"<héllo> & \u2028"}`, "\"<héllo> & \\u2028\""},
		"the function's environment":      {`{"do":"env","value":"COLOUR"}`, `"green"`},
		"which overrides Lambda's":        {`{"do":"env","value":"AWS_REGION"}`, `"eu-west-1"`},
		"Lambda's environment":            {`{"do":"env","value":"AWS_LAMBDA_FUNCTION_NAME"}`, `"probe"`},
		"nothing of the test's":           {`{"do":"env","value":"HOME"}`, `""`},
		"the ARN it was invoked under":    {`{"do":"arn"}`, `"` + function.ARN() + `"`},
		"nothing":                         {`{"do":"print","value":"x"}`, `null`},
		"an endpoint where its stack is":  {`{"do":"env","value":"AWS_ENDPOINT_URL"}`, `"` + stack.URL() + `"`},
		"a time zone that is the cloud's": {`{"do":"env","value":"TZ"}`, `":UTC"`},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := function.Invoke(t.Context(), []byte(test.event))
			if err != nil {
				t.Fatal(err)
			}
			if string(result.Payload) != test.want || result.FunctionError != "" {
				t.Errorf("got %s, function error %q, want %s", result.Payload, result.FunctionError, test.want)
			}
		})
	}
}

func TestInvokeFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options         localaws.FunctionOptions
		event           string
		wantType, wants string
	}{
		"the handler's error": {event: `{"do":"fail","value":"no such door"}`, wantType: "errorString", wants: "no such door"},
		"a panic":             {event: `{"do":"panic","value":"oh dear"}`, wantType: "string", wants: "oh dear"},
		"an exit":             {event: `{"do":"exit"}`, wantType: "Runtime.ExitError", wants: "exit status 7"},
		"a timeout": {options: localaws.FunctionOptions{Timeout: 200 * time.Millisecond}, event: `{"do":"sleep"}`,
			wantType: "Sandbox.Timedout", wants: "Task timed out after 0.20 seconds"},
		"an exit before the first event": {options: localaws.FunctionOptions{Env: map[string]string{"PROBE_FAIL_INIT": "bad settings"}},
			event: `{}`, wantType: "Runtime.ExitError", wants: "exit status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			function := awstest.AddProbe(t, awstest.Start(t), test.options)
			result, err := function.Invoke(t.Context(), []byte(test.event))
			if err != nil {
				t.Fatal(err)
			}
			var told struct{ ErrorType, ErrorMessage string }
			if err := json.Unmarshal(result.Payload, &told); err != nil {
				t.Fatalf("payload %s: %v", result.Payload, err)
			}
			if told.ErrorType != test.wantType || !strings.Contains(told.ErrorMessage, test.wants) || result.FunctionError != "Unhandled" {
				t.Errorf("got %+v, function error %q, want %s with %q", told, result.FunctionError, test.wantType, test.wants)
			}
		})
	}
}

func TestProcessServesUntilItDies(t *testing.T) {
	t.Parallel()
	function := awstest.AddProbe(t, awstest.Start(t), localaws.FunctionOptions{})
	first := awstest.Do(t, function, "do", "pid")
	if again := awstest.Do(t, function, "do", "pid"); string(again.Payload) != string(first.Payload) || again.Init != 0 || first.Init == 0 {
		t.Errorf("second invocation: process %s after %v to start, want the idle process %s (which took %v)", again.Payload, again.Init, first.Payload, first.Init)
	}
	awstest.Do(t, function, "do", "exit")
	if after := awstest.Do(t, function, "do", "pid"); string(after.Payload) == string(first.Payload) {
		t.Error("the process that exited served again")
	}
	function.Kill()
	if after := awstest.Do(t, function, "do", "echo", "value", "alive"); string(after.Payload) != `"alive"` {
		t.Errorf("after Kill: %s", after.Payload)
	}
	if processes := function.Processes(); len(processes) != 3 || !processes[0].Exited || !processes[1].Exited || processes[2].Exited {
		t.Errorf("processes %+v, want three, the last one running", processes)
	}
}

// awaitProcess waits until function's first process has asked for an event.
func awaitProcess(t *testing.T, function *localaws.Function) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if processes := function.Processes(); len(processes) > 0 && processes[0].Init > 0 {
			return
		}
	}
	t.Fatal("no process was ready within 20 s")
}

func TestKillEndsPendingInvocation(t *testing.T) {
	t.Parallel()
	function := awstest.AddProbe(t, awstest.Start(t), localaws.FunctionOptions{})
	pending := make(chan localaws.Result, 1)
	go func() {
		result, _ := function.Invoke(context.Background(), awstest.Event("do", "sleep"))
		pending <- result
	}()
	awaitProcess(t, function)
	function.Kill()
	if result := <-pending; !strings.Contains(string(result.Payload), "signal: killed") {
		t.Errorf("the pending invocation answered %s", result.Payload)
	}
}

func TestConcurrentInvocationsUseProcessesOfTheirOwn(t *testing.T) {
	t.Parallel()
	function := awstest.AddProbe(t, awstest.Start(t), localaws.FunctionOptions{Timeout: 20 * time.Second})
	folder := t.TempDir()
	results := make(chan localaws.Result)
	for range 2 {
		go func() {
			result, _ := function.Invoke(context.Background(), awstest.Event("do", "rendezvous", "value", folder))
			results <- result
		}()
	}
	for range 2 {
		if result := <-results; string(result.Payload) != "null" {
			t.Errorf("got %s, want both to have met", result.Payload)
		}
	}
}

func TestOutputKeepsWhatProcessesWrote(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	function := awstest.AddProbe(t, stack, localaws.FunctionOptions{})
	if result := awstest.Do(t, function, "do", "print", "value", "line one"); !strings.Contains(result.Log, "line one") {
		t.Errorf("log of the invocation: %q", result.Log)
	}
	function.Kill()
	if result := awstest.Do(t, function, "do", "print", "value", "line two"); strings.Contains(result.Log, "line one") {
		t.Errorf("log of the second invocation: %q", result.Log)
	}
	if err := stack.Close(); err != nil {
		t.Fatal(err)
	}
	if output := function.Output(); !strings.Contains(output, "line one\n") || !strings.Contains(output, "line two\n") {
		t.Errorf("output %q", output)
	}
}

func TestDeadlineReachesHandler(t *testing.T) {
	t.Parallel()
	function := awstest.AddProbe(t, awstest.Start(t), localaws.FunctionOptions{Timeout: 40 * time.Second})
	var remaining int64
	if err := json.Unmarshal(awstest.Do(t, function, "do", "remaining").Payload, &remaining); err != nil {
		t.Fatal(err)
	}
	if remaining <= 0 || remaining > 40_000 {
		t.Errorf("the handler has %d ms left of 40,000", remaining)
	}
}

func TestInvokeThroughSDK(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	function := awstest.AddProbe(t, stack, localaws.FunctionOptions{})
	client := lambda.NewFromConfig(stack.Config())
	for _, name := range []string{"probe", function.ARN()} {
		out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, LogType: types.LogTypeTail,
			Payload: []byte(`{"do":"print","value":"seen in the log"}`)})
		if err != nil {
			t.Fatal(err)
		}
		tail, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
		if err != nil || string(out.Payload) != "null" || out.FunctionError != nil || !strings.Contains(string(tail), "seen in the log") {
			t.Errorf("%s: payload %s, function error %v, log %q, %v", name, out.Payload, out.FunctionError, tail, err)
		}
	}
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("probe"), Payload: awstest.Event("do", "fail", "value", "sorry")})
	if err != nil || aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), "sorry") {
		t.Errorf("failing handler: %+v, %v", out, err)
	}
	_, err = client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("nobody")})
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func TestInvokeAsEvent(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	awstest.AddProbe(t, stack, localaws.FunctionOptions{})
	finished := make(chan localaws.Invocation, 1)
	stack.AfterInvoke(func(i localaws.Invocation) { finished <- i })
	out, err := lambda.NewFromConfig(stack.Config()).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("probe"),
		InvocationType: types.InvocationTypeEvent, Payload: awstest.Event("do", "echo", "value", "later")})
	if err != nil || out.StatusCode != 202 {
		t.Fatalf("status %v, %v, want 202", out, err)
	}
	if i := <-finished; string(i.Result.Payload) != `"later"` || i.Function != "probe" {
		t.Errorf("the event ended as %+v", i)
	}
}
