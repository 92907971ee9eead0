package localaws

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"pgrotator/rotator/internal/localaws/protocol"
)

// Call is one request to an AWS API.
type Call struct {
	Service   string // as in IAM actions: "secretsmanager", "rds", "logs", "sts", "sns", "s3", "iam", "ec2", "lambda"
	Operation string // "GetSecretValue"
	Function  string // name of the function that signed it, "" = the test's own
	Role      string // ARN of the role assumed through STS, "" = the caller's own
	SecretID  string // as the request addressed it, "" where no secret is addressed
	// RotationToken is what PutSecretValue passed on, "" elsewhere.
	RotationToken string
	ExternalID    string // that AssumeRole was given, "" elsewhere
	// Number counts the calls of one Function from 1 since the last ResetCalls.
	Number int
}

// Outcome is what becomes of a call. The nil Outcome is [Pass].
type Outcome interface {
	// apply answers the exchange, or cuts its connection.
	apply(*exchange)
}

// fate is an Outcome without parameters.
type fate int

const (
	// Pass carries the call out and answers it.
	Pass fate = iota
	// Throttle refuses the call with the service's own throttling error.
	Throttle
	// LoseReply carries the call out, then closes the connection instead of answering.
	LoseReply
	// KillBefore kills the calling function's process instead of carrying the
	// call out. For the test's own calls it closes the connection.
	KillBefore
	// KillAfter carries the call out and kills the calling function's process
	// before it can read the answer.
	KillAfter
)

func (f fate) apply(x *exchange) {
	switch f {
	case Pass:
		x.send(x.perform())
	case Throttle:
		x.send(x.service.Fail(x.service.Throttled))
	case LoseReply:
		x.perform()
		x.cut()
	case KillBefore:
		x.killCaller()
		x.cut()
	case KillAfter:
		x.perform()
		x.killCaller()
		x.cut()
	}
}

type failure struct{ err *protocol.Error }

// Fail refuses the call with an error code of the service, such as
// "InternalServiceError", and an HTTP status.
func Fail(code string, status int) Outcome {
	return failure{&protocol.Error{Code: code, Status: status, Message: "Injected by the test."}}
}

func (f failure) apply(x *exchange) { x.send(x.service.Fail(f.err)) }

type delay time.Duration

// Delay carries the call out after d, whether or not the caller still waits.
func Delay(d time.Duration) Outcome { return delay(d) }

func (d delay) apply(x *exchange) {
	select {
	case <-time.After(time.Duration(d)):
		x.send(x.perform())
	case <-x.stack.ctx.Done():
		x.cut()
	}
}

// recorder keeps every call and decides its outcome.
type recorder struct {
	mu        sync.Mutex
	calls     []Call
	counts    map[string]int // by function name
	intercept func(Call) Outcome
}

func newRecorder() *recorder {
	return &recorder{counts: map[string]int{}}
}

// Intercept has f decide on every AWS call from now on; nil lets all pass.
// f runs before the call is carried out, possibly for several calls at once.
func (s *Stack) Intercept(f func(Call) Outcome) {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	s.recorder.intercept = f
}

// Calls lists the AWS calls since the last ResetCalls, in order of arrival,
// refused ones too.
func (s *Stack) Calls() []Call {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	return slices.Clone(s.recorder.calls)
}

// ResetCalls forgets the calls so far; [Call.Number] begins at 1 again.
func (s *Stack) ResetCalls() {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	s.recorder.calls = nil
	clear(s.recorder.counts)
}

// record numbers c and returns what is to become of it.
func (r *recorder) record(c Call) Outcome {
	r.mu.Lock()
	r.counts[c.Function]++
	c.Number = r.counts[c.Function]
	r.calls = append(r.calls, c)
	intercept := r.intercept
	r.mu.Unlock()
	if intercept == nil {
		return Pass
	}
	if outcome := intercept(c); outcome != nil {
		return outcome
	}
	return Pass
}

// killCaller kills the process that sent the request and waits for its end.
func (x *exchange) killCaller() {
	if x.Caller.Process != nil {
		x.Caller.Process.Kill()
	}
}

// cut closes the connection without an answer.
func (x *exchange) cut() { panic(http.ErrAbortHandler) }
