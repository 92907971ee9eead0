package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"pgrotator/rotator/command"
	"pgrotator/rotator/terminal"
)

// Exit statuses of a command line.
const (
	exitWell        = 0
	exitNotWell     = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells have it: 128 and the signal's number
)

// session is one run of the program by a person.
type session struct {
	line     command.Line
	out, err *terminal.Page
	progress *progress
	unread   bool // something could not be written
}

// runCommand carries out a command line and returns its exit status.
func runCommand(args []string) int {
	s := &session{progress: newProgress(os.Stderr)}
	fails := func() { s.unread = true }
	s.out = terminal.NewPage(os.Stdout, terminal.Colour(os.Stdout), fails)
	s.err = terminal.NewPage(s.progress, terminal.Colour(os.Stderr), fails)
	line, err := command.Parse(args)
	switch {
	case errors.Is(err, command.ErrHelp):
		command.Usage(s.out)
	case errors.Is(err, command.ErrVersion):
		s.out.Line("pgrotator " + version + ", " + runtime.Version())
	case errors.Is(err, command.ErrNone):
		command.Usage(s.err)
		return exitUsage
	case err != nil:
		return s.misused(err)
	default:
		s.line = line
		return s.run()
	}
	return s.status(true)
}

// misused tells what is wrong with the command line.
func (s *session) misused(err error) int {
	s.err.Hang(terminal.Red, "pgrotator: ", err.Error())
	s.err.Hang(terminal.Plain, "           ", "pgrotator help lists the commands and their flags")
	return exitUsage
}

func (s *session) run() int {
	events := map[string]json.RawMessage{}
	for _, subject := range s.subjects() {
		event, err := s.line.Event(subject)
		if err == nil && s.line.Command != command.Rotate {
			_, err = decode(event)
		}
		if err != nil {
			return s.misused(err)
		}
		events[subject] = event
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	ask, err := s.asker(ctx)
	if err != nil {
		s.tell(err)
		return s.end(ctx, false)
	}
	well := true
	for _, subject := range s.subjects() {
		well = s.answer(ctx, ask, subject, events[subject]) && well
		if ctx.Err() != nil {
			break
		}
	}
	return s.end(ctx, well)
}

// subjects are the secrets, or "" for a command that takes none.
func (s *session) subjects() []string {
	if len(s.line.Secrets) == 0 {
		return []string{""}
	}
	return s.line.Secrets
}

// answer asks for one secret, shows what it is told, and reports whether all is well.
func (s *session) answer(ctx context.Context, ask asker, subject string, event json.RawMessage) bool {
	within, cancel := context.WithTimeoutCause(ctx, s.line.Timeout, fmt.Errorf("no more than %s was to be waited (--timeout)", s.line.Timeout))
	defer cancel()
	s.progress.begin(s.line.Title(subject))
	text, err := ask(within, subject, event)
	s.progress.end()
	if ctx.Err() != nil {
		return false // what was cut off would be told as if it had been found
	}
	var answer command.Answer
	if err == nil {
		answer, err = command.Read(s.line.Command, text)
	}
	if err != nil {
		s.tell(err)
		return false
	}
	if s.line.JSON {
		s.out.Line(command.JSON(text))
		return answer.Well()
	}
	s.out.Title(s.line.Title(subject))
	answer.Show(s.out)
	return answer.Well()
}

// tell writes an error for people, and for programs as Lambda has it.
func (s *session) tell(err error) {
	if text, failed := json.Marshal(map[string]string{"errorMessage": err.Error()}); s.line.JSON && failed == nil {
		s.out.Line(command.JSON(text))
	}
	s.err.Hang(terminal.Red, "pgrotator: ", err.Error())
}

func (s *session) end(ctx context.Context, well bool) int {
	if ctx.Err() != nil {
		s.err.Say("Interrupted. Every command may be repeated.")
		return exitInterrupted
	}
	return s.status(well)
}

// status is 0 only where all is well, and could be told.
func (s *session) status(well bool) int {
	if well && !s.unread {
		return exitWell
	}
	return exitNotWell
}

// warnings logs to people, from warnings on unless LOG_LEVEL says otherwise: what was done is in the answer.
func (s *session) warnings(c config) *slog.Logger {
	level := max(c.logLevel, slog.LevelWarn)
	if os.Getenv(envLogLevel) != "" {
		level = c.logLevel
	}
	return slog.New(slog.NewTextHandler(s.progress, &slog.HandlerOptions{Level: level}))
}
