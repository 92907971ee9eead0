package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/internal/localaws"
)

// step is what was seen of one step of a rotation.
type step struct {
	name        string
	wall        time.Duration
	cpu         time.Duration // 0 where the system does not tell
	calls       int           // to AWS
	connections int           // to the database
	current     stack.Credential
	login       error // of AWSCURRENT right after the step; nil = it logged in and became the shared role
	readMaster  bool  // the step read the master's secret
}

// watch looks at the stack after every step, before Secrets Manager goes on to the next.
type watch struct {
	stack   *stack.Stack
	log     serverLog
	refused []string // lines of the server's log since start
}

func newWatch(s *stack.Stack) *watch {
	return &watch{stack: s, log: serverLog{path: s.PG.LogFile()}}
}

// start passes over the log so far: setup tries a login that is refused, to learn that the user does not exist.
func (w *watch) start() error {
	_, err := w.log.appended()
	return err
}

// begin has told run after each step from now on.
func (w *watch) begin(ctx context.Context, told func(step)) {
	w.stack.AWS.ResetCalls()
	w.stack.AWS.AfterInvoke(func(i localaws.Invocation) { told(w.look(ctx, i)) })
}

func (w *watch) end() {
	w.stack.AWS.AfterInvoke(nil)
}

func (w *watch) look(ctx context.Context, i localaws.Invocation) step {
	var event struct{ Step string }
	err := json.Unmarshal(i.Event, &event)
	s := step{name: event.Step, wall: i.Result.Duration, cpu: i.Result.CPU}
	for _, call := range w.stack.AWS.Calls() {
		if call.Function == stack.Function {
			s.calls++
			s.readMaster = s.readMaster || call.SecretID == w.stack.MasterARN
		}
	}
	w.stack.AWS.ResetCalls()
	if err == nil {
		s.current, err = w.loginAs(ctx, "AWSCURRENT")
	}
	connections, unread := w.connections()
	s.connections, s.login = connections, errors.Join(err, unread)
	return s
}

// connections counts those of the function since the last look at the log, and notes the logins that were refused.
func (w *watch) connections() (int, error) {
	lines, err := w.log.appended()
	seen := readTraffic(lines)
	w.refused = append(w.refused, seen.refused...)
	return seen.connections, err
}

// loginAs logs in with the version under a staging label. It is an error not to become the shared role.
func (w *watch) loginAs(ctx context.Context, stage string) (stack.Credential, error) {
	credential, err := w.stack.Credential(ctx, stage)
	if err != nil {
		return credential, err
	}
	conn, err := w.stack.Connect(ctx, credential, "demo")
	if err != nil {
		return credential, fmt.Errorf("%s does not log in: %w", stage, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var became string
	if err := conn.QueryRow(ctx, "SELECT current_user").Scan(&became); err != nil {
		return credential, fmt.Errorf("asking whom %s became: %w", stage, err)
	}
	if became != stack.Shared {
		return credential, fmt.Errorf("%s, user %s, logs in and is %s instead of %s", stage, credential.Username, became, stack.Shared)
	}
	return credential, nil
}
