package lambda

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"pgrotator/rotator/internal/localaws/protocol"
)

// initTimeout is how long Lambda lets a process take until its first request
// for an event.
const initTimeout = 10 * time.Second

// process is one execution environment: a run of the binary and the Runtime
// API that it, alone, talks to.
type process struct {
	function *Function
	command  *exec.Cmd
	path     string // of the file that takes its standard output and error
	runtime  *http.Server
	started  time.Time
	events   chan *invocation // unbuffered: received by the process's request for the next event
	ready    chan struct{}    // closed by its first such request
	exited   chan struct{}    // closed when it is gone

	mu        sync.Mutex
	current   *invocation
	init      time.Duration
	initError []byte
	usage     usage
	kept      []byte // output, once the functions are closed
	isRetired bool
}

// usage is what a process has used up so far.
type usage struct {
	cpu     time.Duration
	peakRSS int64 // bytes
}

// startProcess runs the function's binary in the environment Lambda gives it.
func (f *Function) startProcess() (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for its Runtime API: %w", err)
	}
	p := &process{function: f, events: make(chan *invocation), ready: make(chan struct{}), exited: make(chan struct{})}
	if err := p.start(listener.Addr().String()); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	p.runtime = &http.Server{Handler: p.runtimeAPI(), ReadHeaderTimeout: 10 * time.Second}
	go p.runtime.Serve(listener)
	go p.await()
	f.mu.Lock()
	f.processes = append(f.processes, p)
	f.mu.Unlock()
	// Functions that were closed meanwhile may have missed this process.
	if f.functions.ctx.Err() != nil {
		p.Kill()
	}
	return p, nil
}

// start executes the binary. Its output goes to a file, not a pipe, so that
// all it wrote before an answer is there when the answer is.
func (p *process) start(runtimeAddress string) error {
	output, err := os.CreateTemp(p.function.functions.host.Directory, p.function.name+"-*.log")
	if err != nil {
		return fmt.Errorf("making its output file: %w", err)
	}
	defer output.Close()
	p.path = output.Name()
	key := p.function.functions.host.Callers.Issue(protocol.Caller{Function: p.function.name, FunctionARN: p.function.ARN(), Process: p})
	p.command = exec.Command(p.function.binary)
	p.command.Dir = filepath.Dir(p.function.binary)
	p.command.Env = p.function.environment(runtimeAddress, key)
	p.command.Stdout, p.command.Stderr = output, output
	p.started = time.Now()
	if err := p.command.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.function.binary, err)
	}
	return nil
}

// environment is Lambda's own for provided.al2023, with the stand-in as endpoint,
// then the function's. Nothing of this process's environment leaks into it.
func (f *Function) environment(runtimeAddress, accessKeyID string) []string {
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"LAMBDA_TASK_ROOT=" + filepath.Dir(f.binary),
		"_HANDLER=bootstrap",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_RUNTIME_API=" + runtimeAddress,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + time.Now().UTC().Format("2006/01/02") + "/[$LATEST]" + protocol.RandomHex(16),
		"AWS_REGION=" + protocol.Region,
		"AWS_DEFAULT_REGION=" + protocol.Region,
		"AWS_ACCESS_KEY_ID=" + accessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + protocol.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + accessKeyID,
		"AWS_ENDPOINT_URL=" + f.functions.host.URL,
	}
	for name, value := range f.env {
		env = append(env, name+"="+value)
	}
	return env
}

// await notes the end of the process.
func (p *process) await() {
	// How it ended stands in ProcessState.
	_ = p.command.Wait()
	close(p.exited)
	p.runtime.Close()
}

// Kill ends the process, if it still runs, and waits until it is gone.
func (p *process) Kill() {
	// A process that is already gone needs none.
	_ = p.command.Process.Kill()
	<-p.exited
}

// waitReady waits for the first request for an event; false = it never came.
func (p *process) waitReady() bool {
	select {
	case <-p.ready:
		return true
	case <-p.exited:
		return false
	case <-time.After(initTimeout):
		p.Kill()
		return false
	}
}

// output is what the process wrote from an offset on.
func (p *process) output(offset int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	written := p.kept
	if !p.isRetired {
		// The file is the stand-in's own: unreadable means that it is closing.
		written, _ = os.ReadFile(p.path)
	}
	return written[min(offset, len(written)):]
}

func (p *process) retire() {
	kept := p.output(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept, p.isRetired = kept, true
}

func (p *process) stats() ProcessStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := ProcessStats{PID: p.command.Process.Pid, Init: p.init, CPU: p.usage.cpu, PeakRSS: p.usage.peakRSS}
	select {
	case <-p.exited:
		s.Exited = true
	default:
	}
	return s
}

// measure reads the usage of the process while it lives.
func (p *process) measure() usage {
	now := readUsage(p.command.Process.Pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	// A process on its way out no longer tells.
	p.usage.cpu = max(p.usage.cpu, now.cpu)
	p.usage.peakRSS = max(p.usage.peakRSS, now.peakRSS)
	return p.usage
}
