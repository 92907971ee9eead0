package lambda

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"pgrotator/rotator/internal/localaws/protocol"
)

// unhandled is the X-Amz-Function-Error of every error of a function.
const unhandled = "Unhandled"

// invocation is one event on its way through a process.
type invocation struct {
	id          string
	functionARN string
	payload     []byte
	timeout     time.Duration
	deadline    time.Time
	answered    chan answer // buffered: the process never waits for the caller
}

// answer is what the process posted.
type answer struct {
	payload []byte
	isError bool
}

func newInvocation(f *Function, payload []byte) *invocation {
	return &invocation{id: protocol.NewUUID(), functionARN: f.ARN(), payload: payload, timeout: f.timeout, answered: make(chan answer, 1)}
}

// serve has the process handle inv. taken is false when the process was gone
// before it could take the event.
func (p *process) serve(inv *invocation) (result Result, taken bool) {
	logFrom := len(p.output(0))
	before := p.measure()
	began := time.Now()
	inv.deadline = began.Add(inv.timeout)
	p.setCurrent(inv)
	timer := time.NewTimer(inv.timeout)
	defer timer.Stop()

	select {
	case p.events <- inv:
	case <-p.exited:
		return Result{}, false
	case <-timer.C:
		p.Kill()
		return Result{}, false
	}
	result = p.outcome(inv, timer.C)
	result.RequestID = inv.id
	result.Duration = time.Since(began)
	result.Log = string(p.output(logFrom))
	after := p.stats()
	result.CPU, result.PeakRSS = after.CPU-before.cpu, after.PeakRSS
	p.setCurrent(nil)
	if !after.Exited {
		p.function.release(p)
	}
	return result, true
}

// outcome waits for the process's answer, its end or the timeout.
func (p *process) outcome(inv *invocation, timeout <-chan time.Time) Result {
	select {
	case a := <-inv.answered:
		return a.result()
	case <-p.exited:
	case <-timeout:
		p.Kill()
		return inv.errorResult("Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", inv.timeout.Seconds()))
	}
	// It may have answered and exited at once.
	select {
	case a := <-inv.answered:
		return a.result()
	default:
		return p.exitFailure(inv)
	}
}

func (a answer) result() Result {
	r := Result{Payload: a.payload}
	if a.isError {
		r.FunctionError = unhandled
	}
	return r
}

// errorResult is an error that Lambda itself reports, in its words.
func (inv *invocation) errorResult(errorType, message string) Result {
	// Strings always encode.
	payload, _ := json.Marshal(map[string]string{
		"errorType":    errorType,
		"errorMessage": "RequestId: " + inv.id + " Error: " + message,
	})
	return Result{RequestID: inv.id, Payload: payload, FunctionError: unhandled}
}

// exitFailure tells how the process ended.
func (p *process) exitFailure(inv *invocation) Result {
	r := inv.errorResult("Runtime.ExitError", "Runtime exited with error: "+p.command.ProcessState.String())
	r.Log = string(p.output(0))
	return r
}

// initFailure tells why a process never asked for an event: what it reported
// itself, else how it ended.
func (p *process) initFailure(inv *invocation) Result {
	p.mu.Lock()
	reported := p.initError
	p.mu.Unlock()
	r := p.exitFailure(inv)
	if reported != nil {
		r.Payload = reported
	}
	return r
}

func (p *process) setCurrent(inv *invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = inv
}

// runtimeAPI is what the binary talks to:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func (p *process) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", p.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		p.takeAnswer(w, r, false)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		p.takeAnswer(w, r, true)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", p.takeInitError)
	return mux
}

func (p *process) serveNext(w http.ResponseWriter, r *http.Request) {
	p.noteReady()
	select {
	case inv := <-p.events:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", inv.functionARN)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-"+protocol.RandomHex(4)+"-"+protocol.RandomHex(12)+";Parent="+protocol.RandomHex(8)+";Sampled=0")
		// A process that died meanwhile is noticed by its exit.
		_, _ = w.Write(inv.payload)
	case <-r.Context().Done():
	case <-p.exited:
	}
}

func (p *process) noteReady() {
	elapsed := time.Since(p.started)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.init == 0 {
		p.init = elapsed
		close(p.ready)
	}
}

func (p *process) takeAnswer(w http.ResponseWriter, r *http.Request, isError bool) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, protocol.MaxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	p.measure()
	p.mu.Lock()
	inv := p.current
	p.mu.Unlock()
	if inv == nil || inv.id != r.PathValue("id") {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	select {
	case inv.answered <- answer{payload, isError}:
		w.WriteHeader(http.StatusAccepted)
	default:
		http.Error(w, `{"errorType":"InvalidStateTransition"}`, http.StatusForbidden)
	}
}

func (p *process) takeInitError(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, protocol.MaxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	p.mu.Lock()
	p.initError = payload
	p.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}
