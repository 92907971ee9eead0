// Package lambda stands in for AWS Lambda: functions are real processes under the Runtime API, which Invoke or a test calls.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"pgrotator/rotator/internal/localaws/protocol"
)

// FunctionOptions describe a Lambda function.
type FunctionOptions struct {
	Name   string            // unique in its account
	Binary string            // path of the built bootstrap
	Env    map[string]string // added to, and overriding, what Lambda itself sets
	// Timeout ends an invocation: the process is killed and the caller gets
	// "Task timed out". 0 = 60 s.
	Timeout time.Duration
}

func (o FunctionOptions) timeout() time.Duration {
	if o.Timeout == 0 {
		return time.Minute
	}
	return o.Timeout
}

// Function is a Lambda function. A process of it handles one
// invocation at a time; concurrent invocations start further processes, and
// idle ones are used again.
type Function struct {
	name      string
	binary    string
	env       map[string]string
	timeout   time.Duration
	functions *Functions
	mu        sync.Mutex
	idle      []*process
	processes []*process // every one ever started, in order
}

// Result is how an invocation ended.
type Result struct {
	RequestID string
	// Payload is what the function answered, or the error object
	// {"errorMessage","errorType",…}.
	Payload []byte
	// FunctionError is "Unhandled" where Payload is an error object, else "".
	FunctionError string
	// Log is what the process wrote meanwhile to standard output and error.
	Log string
	// Duration is the wall time from handing over the event to the answer.
	Duration time.Duration
	// CPU is the processor time that the process used meanwhile (Linux; else 0).
	CPU time.Duration
	// Init is the time from exec to the process's first request for an event,
	// 0 where a process that already ran took the invocation.
	Init time.Duration
	// PeakRSS is the largest resident set of the process so far, in bytes (Linux; else 0).
	PeakRSS int64
}

// Invocation is one finished run of a function.
type Invocation struct {
	Function string // name
	Event    []byte
	Result   Result
}

// Host is what functions need around them.
type Host struct {
	Directory string            // for what their processes write
	URL       string            // endpoint of every AWS service
	Callers   *protocol.Callers // that learn of their access keys
}

// Functions holds the functions of an account by name.
type Functions struct {
	host        Host
	ctx         context.Context
	mu          sync.Mutex
	byName      map[string]*Function
	afterInvoke func(Invocation)
	closed      bool
	running     sync.WaitGroup // invocations
}

// New is an account without functions. No process is started once ctx has ended.
func New(ctx context.Context, h Host) *Functions {
	return &Functions{ctx: ctx, host: h, byName: map[string]*Function{}}
}

// AddFunction makes a function. No process is started before it is invoked.
func (fs *Functions) AddFunction(o FunctionOptions) (*Function, error) {
	if o.Name == "" || o.Binary == "" {
		return nil, fmt.Errorf("adding function %q: it needs a name and a binary", o.Name)
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.byName[o.Name] != nil {
		return nil, fmt.Errorf("adding function %s: there is one of that name", o.Name)
	}
	f := &Function{name: o.Name, binary: o.Binary, env: maps.Clone(o.Env), timeout: o.timeout(), functions: fs}
	fs.byName[o.Name] = f
	return f, nil
}

// AfterInvoke has f run after every invocation, before its result reaches the
// caller, and before Secrets Manager takes the next step of a rotation. nil
// ends it. Invocations at the same time call f at the same time.
func (fs *Functions) AfterInvoke(f func(Invocation)) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.afterInvoke = f
}

// Function resolves a function's name, ARN or ARN with a qualifier; nil = none.
func (fs *Functions) Function(nameOrARN string) *Function {
	name := strings.TrimPrefix(nameOrARN, functionARN(""))
	name, _, _ = strings.Cut(name, ":")
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.byName[name]
}

// Close kills every process and waits for the invocations under way.
func (fs *Functions) Close() {
	fs.mu.Lock()
	fs.closed = true
	all := slices.Collect(maps.Values(fs.byName))
	fs.mu.Unlock()
	for _, f := range all {
		f.Kill()
	}
	fs.running.Wait()
	for _, f := range all {
		f.retire()
	}
}

// begin counts an invocation in, unless the functions are closing.
func (fs *Functions) begin() error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.closed {
		return errors.New("the functions are closed")
	}
	fs.running.Add(1)
	return nil
}

func functionARN(name string) string {
	return "arn:aws:lambda:" + protocol.Region + ":" + protocol.AccountID + ":function:" + name
}

// ARN is the function's, unqualified.
func (f *Function) ARN() string { return functionARN(f.name) }

// Output is everything that the function's processes wrote to standard output
// and error, process by process in the order they were started.
func (f *Function) Output() string {
	var b strings.Builder
	for _, p := range f.started() {
		b.Write(p.output(0))
	}
	return b.String()
}

// Kill ends the function's processes with SIGKILL and waits until they are
// gone. A pending invocation answers "Runtime exited"; the next one starts a
// new process.
func (f *Function) Kill() {
	for _, p := range f.started() {
		p.Kill()
	}
}

// ProcessStats measure one process of a function.
type ProcessStats struct {
	PID     int
	Init    time.Duration // exec to the first request for an event, 0 = not yet
	CPU     time.Duration // as of its last answer (Linux; else 0)
	PeakRSS int64         // bytes, as of its last answer (Linux; else 0)
	Exited  bool
}

// Processes measures the function's processes in the order they were started.
func (f *Function) Processes() []ProcessStats {
	var stats []ProcessStats
	for _, p := range f.started() {
		stats = append(stats, p.stats())
	}
	return stats
}

func (f *Function) started() []*process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.processes)
}

// retire lets the processes' output outlive the host's directory.
func (f *Function) retire() {
	for _, p := range f.started() {
		p.retire()
	}
}

// Invoke runs the function on payload, a JSON document, and waits for its
// answer. An error means that no process could be started, or that ctx ended
// first (the invocation then goes on); what goes wrong in the function is told
// by the Result.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Result, error) {
	type ending struct {
		result Result
		err    error
	}
	if err := f.functions.begin(); err != nil {
		return Result{}, fmt.Errorf("invoking function %s: %w", f.name, err)
	}
	ended := make(chan ending, 1)
	go func() {
		defer f.functions.running.Done()
		result, err := f.run(payload)
		ended <- ending{result, err}
	}()
	select {
	case e := <-ended:
		return e.result, e.err
	case <-ctx.Done():
		return Result{}, fmt.Errorf("invoking function %s: %w", f.name, ctx.Err())
	}
}

// run hands payload to a process and has the result observed.
func (f *Function) run(payload []byte) (Result, error) {
	inv := newInvocation(f, payload)
	result, err := f.attempt(inv)
	if err != nil {
		return Result{}, fmt.Errorf("invoking function %s: %w", f.name, err)
	}
	f.functions.mu.Lock()
	observe := f.functions.afterInvoke
	f.functions.mu.Unlock()
	if observe != nil {
		observe(Invocation{Function: f.name, Event: payload, Result: result})
	}
	return result, nil
}

// attempt tries idle processes first: one that has died since it was last used
// gives way to the next.
func (f *Function) attempt(inv *invocation) (Result, error) {
	for {
		p := f.takeIdle()
		if p == nil {
			break
		}
		if result, taken := p.serve(inv); taken {
			return result, nil
		}
	}
	p, err := f.startProcess()
	if err != nil {
		return Result{}, err
	}
	if !p.waitReady() {
		return p.initFailure(inv), nil
	}
	result, taken := p.serve(inv)
	if !taken {
		return p.exitFailure(inv), nil
	}
	result.Init = p.stats().Init
	return result, nil
}

func (f *Function) takeIdle() *process {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.idle) == 0 {
		return nil
	}
	p := f.idle[len(f.idle)-1]
	f.idle = f.idle[:len(f.idle)-1]
	return p
}

// release makes p available again.
func (f *Function) release(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, p)
}
