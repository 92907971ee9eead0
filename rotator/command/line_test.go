package command_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/command"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		event, function, profile string
		secrets                  []string
		json                     bool
		timeout                  time.Duration
	}{
		"check shop/app":                            {event: `{"action":"check","secretId":"shop/app"}`, secrets: []string{"shop/app"}},
		"check --for sweep a --json b":              {event: `{"action":"check","for":"sweep","secretId":"a"}`, secrets: []string{"a", "b"}, json: true},
		"setup a --repair -for=rotation":            {event: `{"action":"setup","for":"rotation","repair":true,"secretId":"a"}`, secrets: []string{"a"}},
		"setup a --adopt":                           {event: `{"action":"setup","adopt":true,"secretId":"a"}`, secrets: []string{"a"}},
		"sweep a":                                   {event: `{"action":"sweep","dryRun":true,"secretId":"a"}`, secrets: []string{"a"}},
		"sweep a --act":                             {event: `{"action":"sweep","secretId":"a"}`, secrets: []string{"a"}},
		"sweep a --act=false":                       {event: `{"action":"sweep","dryRun":true,"secretId":"a"}`, secrets: []string{"a"}},
		"revoke -- --act":                           {event: `{"action":"revoke","secretId":"--act"}`, secrets: []string{"--act"}},
		"revoke a -- -b --":                         {event: `{"action":"revoke","secretId":"a"}`, secrets: []string{"a", "-b", "--"}},
		"list --profile prod":                       {event: `{"action":"list"}`, secrets: nil, profile: "prod"},
		"invoke f sweep a --timeout 90s":            {event: `{"action":"sweep","dryRun":true,"secretId":"a"}`, function: "f", secrets: []string{"a"}, timeout: 90 * time.Second},
		"invoke arn:aws:lambda:x:1:function:f list": {event: `{"action":"list"}`, function: "arn:aws:lambda:x:1:function:f"},
	} {
		line, err := command.Parse(strings.Fields(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if want.timeout == 0 {
			want.timeout = 15 * time.Minute
		}
		first := ""
		if len(line.Secrets) > 0 {
			first = line.Secrets[0]
		}
		event, err := line.Event(first)
		if err != nil || string(event) != want.event || line.Function != want.function || !slices.Equal(line.Secrets, want.secrets) ||
			line.JSON != want.json || line.Timeout != want.timeout || line.Profile != want.profile {
			t.Errorf("%s is read as %+v, event %s, error %v", text, line, event, err)
		}
	}
}

// What is no command line is refused in one line that says why; nothing of it is carried out.
func TestCommandLinesThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"chek shop/app":         `no command "chek"`,
		"Check a":               `no command "Check"`,
		"--json check a":        `no command "--json"`,
		"check":                 "check needs a secret",
		"check --json":          "check needs a secret",
		"list a":                `list takes no secret, and was given "a"`,
		"sweep a --dryrun":      "sweep: flag provided but not defined: -dryrun",
		"check a --act":         "check: flag provided but not defined: -act",
		"sweep a --act=perhaps": "sweep: invalid boolean value",
		"setup a --for":         "setup: flag needs an argument: -for",
		"check a --timeout 0s":  "--timeout is 0s",
		"check a --timeout -1m": "--timeout is -1m",
		"check a --timeout ten": "check: invalid value",
		"invoke":                "invoke needs the name of a function",
		"invoke f":              "invoke needs the name of a function",
		"invoke --json f check": "invoke needs the name of a function",
		"invoke f rotate a":     "rotate is not asked of a function: pgrotator rotate SECRET",
		"invoke f invoke a":     `no command "invoke"`,
		"invoke f check":        "check needs a secret",
	} {
		if line, err := command.Parse(strings.Fields(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is read as %+v, error %v, want %q", text, line, err, want)
		}
	}
	if _, err := command.Parse([]string{"check", ""}); err == nil {
		t.Error("an empty name of a secret is taken")
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"": command.ErrNone, "help": command.ErrHelp, "--help": command.ErrHelp, "check -h": command.ErrHelp, "check a --help": command.ErrHelp,
		"invoke --help": command.ErrHelp, "invoke f check a -h": command.ErrHelp, "--version": command.ErrVersion,
	} {
		if _, err := command.Parse(strings.Fields(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}
