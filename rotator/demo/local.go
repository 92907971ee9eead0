package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/terminal"
)

// serveLocal starts the stack, prints commands for it, and tells of every invocation until ctx ends.
func serveLocal(ctx context.Context, p *page) error {
	p.Line(p.Paint(terminal.Bold, "A stack to type commands at"))
	p.Line("")
	s, err := stack.Start(ctx, stack.Options{Note: p.part})
	if err != nil {
		return err
	}
	if _, err := s.PublishLog(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	sweep, err := s.AddSweep(map[string]string{"LOCK_INTERVAL_DAYS": "90", "DELETE_INTERVAL_DAYS": "180"})
	if err != nil {
		return errors.Join(err, s.Close())
	}
	p.Title("In another terminal (POSIX shell, with the AWS CLI 1 or 2 and psql)")
	for _, c := range commands(s, sweep) {
		p.Line("")
		p.Line(p.Paint(terminal.Dim, "# "+c.purpose))
		p.Line(c.text)
	}
	p.Title("Until Ctrl-C, what the function is asked")
	s.AWS.AfterInvoke(p.invocation)
	<-ctx.Done()
	return s.Close()
}

// paste is a line or more to paste into a shell.
type paste struct {
	purpose string
	text    string
}

// commands are in the order in which a newcomer needs them. Those that end in || true have something to tell by their exit status.
func commands(s *stack.Stack, sweep *localaws.Function) []paste {
	environment := append(s.AWS.Environ(), "AWS_PAGER=", "DB_CA_FILE="+s.PG.CAFile())
	return []paste{
		{"where AWS is, for this shell; the keys open nothing else", "export " + strings.Join(environment, " \\\n  ")},
		{"the function's own binary, as a command line", "pgrotator() { '" + s.Binary + `' "$@"; }`},
		{"what is missing", "pgrotator check " + stack.Secret + " || true"},
		{"setup: makes the pair, what rotates it and what the sweep needs", "pgrotator setup " + stack.Secret + " --for sweep"},
		{"check again: what would the next rotation meet?", "pgrotator check " + stack.Secret},
		{"the first rotation, by the function and every 30 days", fmt.Sprintf(`aws secretsmanager rotate-secret --secret-id %s \
  --rotation-rules AutomaticallyAfterDays=30 --rotation-lambda-arn \
  %s`, stack.Secret, s.Function.ARN())},
		{"rotate, as often as you like", "pgrotator rotate " + stack.Secret},
		{"the versions and their staging labels", "aws secretsmanager describe-secret --secret-id " + stack.Secret},
		{"the current credential", "aws secretsmanager get-secret-value --secret-id " + stack.Secret},
		{"psql as the current user: who is logged in, and as whom", psqlCommand(s)},
		{"sweep: whom would it lock? It judges from its second run on", fmt.Sprintf("pgrotator invoke %s \\\n  sweep %s --act || true", sweep.ARN(), stack.Secret)},
	}
}

// psqlCommand takes user and password out of the secret with sed: passwords hold neither " nor \ here, as AWS's functions have
// it by default.
func psqlCommand(s *stack.Stack) string {
	return fmt.Sprintf(`credential() {
  aws secretsmanager get-secret-value --secret-id %s \
    --query SecretString --output text |
    sed -E 's/.*"'"$1"'": *"([^"]*)".*/\1/'
}
PGUSER=$(credential username) PGPASSWORD=$(credential password) \
  PGSSLMODE=verify-full PGSSLROOTCERT=$DB_CA_FILE \
  psql -h localhost -p %d -d %s -c 'SELECT session_user, current_user'`, stack.Secret, s.PG.Port(), stack.Database)
}

// invocation is a line on one run of the function.
func (p *page) invocation(i localaws.Invocation) {
	var event struct{ Step, Action string }
	asked := "something else"
	if json.Unmarshal(i.Event, &event) == nil && event.Step+event.Action != "" {
		asked = event.Step + event.Action
	}
	mark := fmt.Sprintf("  %s  %-14s%10s  ", time.Now().Format(time.TimeOnly), asked, milliseconds(i.Result.Duration))
	if i.Result.FunctionError == "" {
		p.Line(mark + p.Paint(terminal.Green, "ok"))
		return
	}
	var told struct{ ErrorMessage string }
	if json.Unmarshal(i.Result.Payload, &told) != nil {
		told.ErrorMessage = string(i.Result.Payload)
	}
	p.Hang(terminal.Red, mark, told.ErrorMessage)
}
