package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"pgrotator/rotator/fleet"
	"pgrotator/rotator/publish"
)

// motoStates is moto's Step Functions, whose calls of Lambda come back to the test. Moto's engine calls services at
// localhost:$MOTO_PORT: a proxy there answers for Lambda, and passes the rest on to moto.
type motoStates struct {
	t     *testing.T
	moto  string // URL
	mu    sync.Mutex
	asked []string // payloads of the function, in order

	unwritten bool // the list that the function says it has written
}

func startMotoStates(t *testing.T) *motoStates {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is not installed")
	}
	m := &motoStates{t: t, moto: fmt.Sprintf("http://127.0.0.1:%d", closedPort(t))}
	target, err := url.Parse(m.moto)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(target)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocations") {
			m.answer(w, r)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	server := exec.Command(program, "-H", "127.0.0.1", "-p", target.Port())
	_, port, err := net.SplitHostPort(proxy.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server.Env = append(os.Environ(), "MOTO_PORT="+port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended
		_ = server.Wait()
	})
	m.await()
	return m
}

func (m *motoStates) await() {
	m.t.Helper()
	config := []byte(`{"stepfunctions":{"execute_state_machine":true},"lambda":{"use_docker":false}}`)
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if response, err := http.Post(m.moto+"/moto-api/config", "application/json", bytes.NewReader(config)); err == nil {
			response.Body.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	m.t.Fatal("moto_server did not answer within a minute")
}

// answer is the function: a fleet of three, of which one only rotates and one cannot be swept.
func (m *motoStates) answer(w http.ResponseWriter, r *http.Request) {
	payload, _ := io.ReadAll(r.Body)
	var event struct {
		Action, SecretID string
		Into             fleet.Place
	}
	_ = json.Unmarshal(payload, &event) // the test looks at what was asked
	m.mu.Lock()
	m.asked = append(m.asked, string(payload))
	unwritten := m.unwritten
	m.mu.Unlock()
	switch {
	case event.Action == "list" && unwritten:
		fmt.Fprint(w, `{"bucket":"results","key":"lists/none.json","count":3}`)
	case event.Action == "list":
		err := publish.Save(r.Context(), m.s3(), event.Into.Bucket, event.Into.Prefix+"/1.json",
			[]byte(`[{"secretId":"one","sweep":true},{"secretId":"two","sweep":false},{"secretId":"three","sweep":true}]`))
		if err != nil {
			m.t.Error(err)
		}
		fmt.Fprintf(w, `{"bucket":%q,"key":%q,"count":3}`, event.Into.Bucket, event.Into.Prefix+"/1.json")
	case event.Action == "sweep" && event.SecretID == "three":
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		fmt.Fprint(w, `{"errorMessage":"no way to the database","errorType":"errorString"}`)
	case event.Action == "sweep":
		fmt.Fprintf(w, `{"secretId":%q,"ok":true}`, event.SecretID)
	default:
		fmt.Fprint(w, `{"sent":true}`)
	}
}

// s3 is a client of moto's S3.
func (m *motoStates) s3() *s3.Client {
	return s3.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: &m.moto, Credentials: credentials.NewStaticCredentialsProvider("AKIAMOTO", "secret", "")},
		func(o *s3.Options) { o.UsePathStyle = true })
}

// call makes a call of Step Functions.
func (m *motoStates) call(operation string, in, out any) {
	m.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		m.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.moto, bytes.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "AWSStepFunctions."+operation)
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAMOTO/20270101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(text, out) != nil {
		m.t.Fatalf("%s: %s %s, error %v", operation, response.Status, text, err)
	}
}

// execute makes a state machine and runs it to its end, which is a digest, and gives the payloads of the function.
func (m *motoStates) execute(name, definition string, unwritten bool) []string {
	m.t.Helper()
	m.mu.Lock()
	m.asked, m.unwritten = nil, unwritten
	m.mu.Unlock()
	var machine struct{ StateMachineArn string }
	m.call("CreateStateMachine", map[string]string{"name": name, "definition": definition, "roleArn": "arn:aws:iam::123456789012:role/fleet"}, &machine)
	var execution struct{ ExecutionArn string }
	m.call("StartExecution", map[string]string{"stateMachineArn": machine.StateMachineArn, "input": "{}"}, &execution)
	state := struct{ Status, Output, Error, Cause string }{Status: "RUNNING"}
	for state.Status == "RUNNING" {
		time.Sleep(50 * time.Millisecond)
		m.call("DescribeExecution", map[string]string{"executionArn": execution.ExecutionArn}, &state)
	}
	if state.Status != "SUCCEEDED" || state.Output != `{"sent":true}` && state.Output != `{"sent": true}` {
		m.t.Errorf("it ended with %+v", state)
	}
	m.call("DeleteStateMachine", map[string]string{"stateMachineArn": machine.StateMachineArn}, &struct{}{}) // moto runs none beside one that has ended
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// The text of the state machine runs in another engine than ours too. Moto 5.2.1 takes the tolerated percentage as a decimal only, waits
// for retries, and writes a manifest without files.
func TestStateMachineRunsInMoto(t *testing.T) {
	t.Parallel()
	m := startMotoStates(t)
	if _, err := m.s3().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("results")}); err != nil {
		t.Fatal(err)
	}
	template := readTemplate(t)
	text := newStack(template, fleetOfMany).resolve(template.Resources["FleetSweep"].Properties["DefinitionString"]).(string)
	text = strings.NewReplacer("<SweepFunction.Arn>", "sweep", "<FleetResults>", "results", `"ToleratedFailurePercentage": 100`, `"ToleratedFailurePercentage": 100.0`).Replace(text)
	text = regexp.MustCompile(`"IntervalSeconds": \d+`).ReplaceAllString(text, `"IntervalSeconds": 1`)
	asked := m.execute("well", text, false)
	if len(asked) != 5 || !strings.Contains(asked[0], "list") || !strings.Contains(asked[4], `"manifest"`) || !strings.Contains(asked[4], `"results"`) {
		t.Fatalf("asked %q", asked)
	}
	counts := map[string]int{}
	for _, payload := range asked[1:4] {
		var event struct {
			Action, SecretID string
			DryRun, Brief    *bool
		}
		if err := json.Unmarshal([]byte(payload), &event); err != nil || event.Action != "sweep" || event.Brief == nil || !*event.Brief || event.DryRun == nil || *event.DryRun {
			t.Errorf("asked %s", payload)
		}
		counts[event.SecretID]++
	}
	if counts["one"] != 1 || counts["three"] != 2 || counts["two"] != 0 {
		t.Errorf("swept %v; want one once, three twice, since it fails, and two never", counts)
	}
	if asked := m.execute("unwritten", text, true); len(asked) != 2 || !strings.Contains(asked[1], `"failure": {"Error": `) || !strings.Contains(asked[1], "NoSuchKey") {
		t.Errorf("the list is not there, and asked is %q", asked)
	}
}
