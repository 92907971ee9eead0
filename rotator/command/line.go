// Package command is what a person types and reads: it reads a command line into events, and writes their answers for a terminal. It
// is pure.
package command

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Line is what a command line asks for.
type Line struct {
	Command  string        // one of the names of commands
	Function string        // name or ARN of the deployed function to ask; "" = this process does it
	Secrets  []string      // names or ARNs; none where the command takes none
	JSON     bool          // answers as the events' JSON, one in a line
	Profile  string        // of the AWS configuration; "" = the environment's
	Region   string        // "" = the environment's
	Timeout  time.Duration // for each secret

	purpose string // of setup and check: "rotation", "sweep" or ""
	repair  bool   // of setup
	adopt   bool   // of setup
	act     bool   // of sweep: not a dry run
}

// A command line that asks for something else than work.
var (
	ErrNone    = errors.New("no command")
	ErrHelp    = flag.ErrHelp
	ErrVersion = errors.New("the version is asked for")
)

// defaultTimeout is as long as Lambda lets a function run at most.
const defaultTimeout = 15 * time.Minute

// Parse reads the arguments of the program. The error is ErrNone, ErrHelp, ErrVersion, or says what is wrong in one line.
func Parse(args []string) (Line, error) {
	if len(args) == 0 {
		return Line{}, ErrNone
	}
	l, rest := Line{Command: args[0]}, args[1:]
	switch l.Command {
	case "help", "-h", "-help", "--help":
		return Line{}, ErrHelp
	case "version", "-version", "--version":
		return Line{}, ErrVersion
	case invoke:
		if slices.ContainsFunc(rest, isHelp) {
			return Line{}, ErrHelp
		}
		if len(rest) < 2 || strings.HasPrefix(rest[0], "-") || strings.HasPrefix(rest[1], "-") {
			return Line{}, errors.New("invoke needs the name of a function, and then a command")
		}
		l.Function, l.Command, rest = rest[0], rest[1], rest[2:]
	}
	c, known := commandNamed(l.Command)
	if !known {
		return Line{}, fmt.Errorf("there is no command %q", l.Command)
	}
	if l.Function != "" && !c.event {
		return Line{}, fmt.Errorf("%s is not asked of a function: pgrotator %s SECRET", c.name, c.name)
	}
	if err := l.readFlags(c, rest); err != nil {
		return Line{}, err
	}
	return l, l.admit(c)
}

func isHelp(argument string) bool {
	return argument == "-h" || argument == "-help" || argument == "--help"
}

// readFlags reads flags and secrets in any order; what follows -- is a secret.
func (l *Line) readFlags(c command, args []string) error {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	l.flags(flags)
	for _, own := range c.flags {
		own(flags, l)
	}
	for {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return ErrHelp
			}
			return fmt.Errorf("%s: %w", c.name, err)
		}
		rest := flags.Args()
		if used := len(args) - len(rest); used > 0 && args[used-1] == "--" {
			l.Secrets = append(l.Secrets, rest...)
			return nil
		}
		if len(rest) == 0 {
			return nil
		}
		l.Secrets, args = append(l.Secrets, rest[0]), rest[1:]
	}
}

func (l *Line) admit(c command) error {
	switch {
	case c.secrets && len(l.Secrets) == 0:
		return fmt.Errorf("%s needs a secret: its name or ARN", c.name)
	case c.secrets && slices.Contains(l.Secrets, ""):
		return fmt.Errorf("%s: a secret's name is empty", c.name)
	case !c.secrets && len(l.Secrets) > 0:
		return fmt.Errorf("%s takes no secret, and was given %q", c.name, l.Secrets[0])
	case l.Timeout <= 0:
		return fmt.Errorf("%s: --timeout is %s; expected a time such as 90s or 15m", c.name, l.Timeout)
	}
	return nil
}

// Title names what is done with a secret, or ("") with none.
func (l *Line) Title(secretID string) string {
	title := l.Command
	if secretID != "" {
		title += " " + secretID
	}
	if l.Function != "" {
		title += ", by function " + l.Function
	}
	return title
}

// Event is what the function is sent for a secret; "" for a command that takes none.
func (l *Line) Event(secretID string) (json.RawMessage, error) {
	event := map[string]any{"action": l.Command}
	if secretID != "" {
		event["secretId"] = secretID
	}
	if l.purpose != "" {
		event["for"] = l.purpose
	}
	if l.repair {
		event["repair"] = true
	}
	if l.adopt {
		event["adopt"] = true
	}
	if l.Command == sweep && !l.act {
		event["dryRun"] = true
	}
	return json.Marshal(event)
}
