package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// maxPayload is what a state's input or output holds, in bytes (Step Functions Developer Guide, "Service quotas").
const maxPayload = 256 << 10

// Machine is a state machine with what it reaches.
type Machine struct {
	// Invoke runs a function and gives its answer. An error that is an *Error has a name that Retry and Catch look at.
	Invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)
	// Get reads an object, for the ItemReader.
	Get func(ctx context.Context, bucket, key string) ([]byte, error)
	// Put writes an object, for the ResultWriter.
	Put func(ctx context.Context, bucket, key string, body []byte) error

	mu      sync.Mutex
	actions map[string]bool
	retries int
}

// Error is an error by its name, as the States Language has it.
type Error struct{ Name, Cause string }

func (e *Error) Error() string { return e.Name + ": " + e.Cause }

// workflow is the states of a machine, or of a Map's processor.
type workflow struct {
	Comment         string
	ProcessorConfig map[string]string
	StartAt         string
	TimeoutSeconds  int
	States          map[string]state
}

// state is one state of any type.
type state struct {
	Type, Resource, Next, Default, Label string
	End                                  bool
	Parameters, ResultSelector           any
	OutputPath                           string
	TimeoutSeconds, MaxConcurrency       int
	ToleratedFailurePercentage           float64
	Retry                                []retrier
	Catch                                []catcher
	Choices                              []choice
	ItemReader                           *itemReader
	ItemProcessor                        *workflow
	ResultWriter                         *resultWriter
}

type retrier struct {
	ErrorEquals     []string
	IntervalSeconds int
	MaxAttempts     int
	BackoffRate     float64
	JitterStrategy  string
}

type catcher struct {
	ErrorEquals []string
	Next        string
}

type choice struct {
	Variable, Next     string
	NumericGreaterThan *float64
	BooleanEquals      *bool
}

type itemReader struct {
	Resource     string
	ReaderConfig struct{ InputType string }
	Parameters   any
}

type resultWriter struct {
	Resource   string
	Parameters struct{ Bucket, Prefix string }
}

// Run interprets a definition with an input, both JSON, and gives the output.
func (m *Machine) Run(ctx context.Context, definition, input []byte) ([]byte, error) {
	w, err := parse(definition)
	if err != nil {
		return nil, err
	}
	var value any
	if err := json.Unmarshal(input, &value); err != nil {
		return nil, fmt.Errorf("reading the input: %w", err)
	}
	m.act("states:StartExecution")
	output, err := m.run(ctx, w, value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(output)
}

// Actions are the IAM actions that the machine's role has needed so far, in order.
func (m *Machine) Actions() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []string
	for action := range m.actions {
		list = append(list, action)
	}
	slices.Sort(list)
	return list
}

// Retries are how often a task was repeated.
func (m *Machine) Retries() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.retries
}

func (m *Machine) act(action string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.actions == nil {
		m.actions = map[string]bool{}
	}
	m.actions[action] = true
}

func (m *Machine) run(ctx context.Context, w workflow, value any) (any, error) {
	for name := w.StartAt; ; {
		s, found := w.States[name]
		if !found {
			return nil, &Error{"States.Runtime", fmt.Sprintf("there is no state %q", name)}
		}
		output, next, err := m.enter(ctx, s, value)
		if err != nil {
			return nil, fmt.Errorf("state %s: %w", name, err)
		}
		if err := bounded(output); err != nil {
			return nil, fmt.Errorf("state %s: %w", name, err)
		}
		if next == "" {
			return output, nil
		}
		name, value = next, output
	}
}

// bounded refuses what is too large for a state, which nothing can catch.
func bounded(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if len(text) > maxPayload {
		return &Error{"States.DataLimitExceeded", fmt.Sprintf("%d bytes", len(text))}
	}
	return nil
}

// enter carries out a state, and tells which is next, "" = none.
func (m *Machine) enter(ctx context.Context, s state, value any) (output any, next string, err error) {
	switch s.Type {
	case "Succeed":
		return value, "", nil
	case "Choice":
		next, err = s.choose(value)
		return value, next, err
	}
	carryOut := m.task
	if s.Type == "Map" {
		carryOut = m.distribute
	}
	output, err = m.attempt(ctx, s, value, carryOut)
	if caught := s.catching(err); caught != "" {
		return failure(err), caught, nil
	}
	return output, s.Next, err
}

// attempt carries a state out as often as its Retry allows.
func (m *Machine) attempt(ctx context.Context, s state, value any, carryOut func(context.Context, state, any) (any, error)) (any, error) {
	attempts := make([]int, len(s.Retry))
	for {
		output, err := carryOut(ctx, s, value)
		which := slices.IndexFunc(s.Retry, func(r retrier) bool { return err != nil && matches(r.ErrorEquals, err) })
		if which < 0 || attempts[which] >= s.Retry[which].MaxAttempts {
			return output, err
		}
		attempts[which]++
		m.mu.Lock()
		m.retries++
		m.mu.Unlock()
	}
}

func (s state) catching(err error) string {
	for _, c := range s.Catch {
		if err != nil && matches(c.ErrorEquals, err) {
			return c.Next
		}
	}
	return ""
}

// matches holds an error against names. States.ALL stands for all but the two that end an execution whatever it catches.
func matches(names []string, err error) bool {
	var named *Error
	if !errors.As(err, &named) || named.Name == "States.DataLimitExceeded" || named.Name == "States.Runtime" {
		return false
	}
	return slices.Contains(names, named.Name) || slices.Contains(names, "States.ALL")
}

func failure(err error) any {
	var named *Error
	errors.As(err, &named)
	return map[string]any{"Error": named.Name, "Cause": named.Cause}
}

func (s state) choose(value any) (next string, err error) {
	for _, c := range s.Choices {
		found, err := at(value, c.Variable)
		if err != nil {
			return "", err
		}
		number, isNumber := found.(float64)
		if c.BooleanEquals != nil && found == *c.BooleanEquals || c.NumericGreaterThan != nil && isNumber && number > *c.NumericGreaterThan {
			return c.Next, nil
		}
	}
	return s.Default, nil
}

// task invokes a function.
func (m *Machine) task(ctx context.Context, s state, value any) (any, error) {
	filled, err := fill(s.Parameters, value)
	if err != nil {
		return nil, err
	}
	parameters := filled.(map[string]any)
	payload, err := json.Marshal(parameters["Payload"])
	if err != nil {
		return nil, err
	}
	m.act("lambda:InvokeFunction")
	answer, err := m.Invoke(ctx, parameters["FunctionName"].(string), payload)
	if err != nil {
		return nil, err
	}
	result := map[string]any{"StatusCode": 200.0, "ExecutedVersion": "$LATEST"}
	var decoded any
	if err := json.Unmarshal(answer, &decoded); err != nil {
		return nil, err
	}
	result["Payload"] = decoded
	if err := bounded(result); err != nil {
		return nil, err
	}
	var output any = result
	if s.ResultSelector != nil {
		if output, err = fill(s.ResultSelector, output); err != nil {
			return nil, err
		}
	}
	return at(output, orRoot(s.OutputPath))
}
