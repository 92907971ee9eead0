package command

import (
	"flag"
	"slices"

	"pgrotator/rotator/terminal"
)

// Names of commands that are told apart elsewhere.
const (
	invoke = "invoke"
	sweep  = "sweep"
	Rotate = "rotate" // is no event: Secrets Manager is asked
)

// command is one that a line may name.
type command struct {
	name    string
	secrets bool // it is given secrets
	event   bool // the function answers it
	does    string
	flags   []func(*flag.FlagSet, *Line)
}

// commands are all but invoke, which asks for one of them elsewhere.
var commands = []command{
	{"check", true, true, "what would stop the next rotation or sweep", []func(*flag.FlagSet, *Line){forFlag}},
	{"setup", true, true, "make what rotation needs, or the sweep (--for sweep)", []func(*flag.FlagSet, *Line){forFlag, adoptFlag, repairFlag}},
	{Rotate, true, false, "have Secrets Manager rotate, and wait for the end", nil},
	{sweep, true, true, "whom a sweep would lock or drop; --act does it", []func(*flag.FlagSet, *Line){actFlag}},
	{"revoke", true, true, "end whoever holds the pair's credentials; new ones", nil},
	{"list", false, true, "the fleet: secrets with the tag pgrotator", nil},
}

func commandNamed(name string) (command, bool) {
	n := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if n < 0 {
		return command{}, false
	}
	return commands[n], true
}

// flags are those of every command.
func (l *Line) flags(f *flag.FlagSet) {
	f.BoolVar(&l.JSON, "json", false, "")
	f.StringVar(&l.Profile, "profile", "", "")
	f.StringVar(&l.Region, "region", "", "")
	f.DurationVar(&l.Timeout, "timeout", defaultTimeout, "")
}

func forFlag(f *flag.FlagSet, l *Line)    { f.StringVar(&l.purpose, "for", "", "") }
func adoptFlag(f *flag.FlagSet, l *Line)  { f.BoolVar(&l.adopt, "adopt", false, "") }
func repairFlag(f *flag.FlagSet, l *Line) { f.BoolVar(&l.repair, "repair", false, "") }
func actFlag(f *flag.FlagSet, l *Line)    { f.BoolVar(&l.act, "act", false, "") }

// Usage says how the program is called.
func Usage(p *terminal.Page) {
	p.Say("pgrotator rotates credentials of Aurora and RDS PostgreSQL, and closes accounts that nobody uses. Here it works with your own AWS credentials.")
	p.Title("pgrotator COMMAND [SECRET...] [flags]")
	var rows []terminal.Row
	for _, c := range commands {
		call := c.name
		if c.secrets {
			call += " SECRET..."
		}
		rows = append(rows, terminal.Row{Cells: []string{call, c.does}})
	}
	p.Table(nil, append(rows, terminal.Row{Cells: []string{"version", "of this program"}}))
	p.Title("pgrotator invoke FUNCTION COMMAND [SECRET...] [flags]")
	p.Say("asks the deployed function for it: from a machine that does not reach the database.")
	p.Title("Flags")
	p.Table(nil, []terminal.Row{
		{Cells: []string{"--for rotation|sweep", "setup, check: for one of the two"}},
		{Cells: []string{"--adopt", "setup: give the shared role what the user owns and was granted"}},
		{Cells: []string{"--repair", "setup: set the secret's password, after a restore"}},
		{Cells: []string{"--act", "sweep: lock and drop; else no role is changed"}},
		{Cells: []string{"--json", "answers as JSON, one in a line"}},
		{Cells: []string{"--profile, --region", "of AWS, in place of AWS_PROFILE, AWS_REGION"}},
		{Cells: []string{"--timeout 15m", "for each secret"}},
	})
	p.Line("")
	p.Say("SECRET is a name or an ARN. The function's environment variables are read here too: LOCK_INTERVAL_DAYS, DB_CA_FILE and the others. " +
		"The exit status is 0 where all is well, 1 where something is not, 2 where the command line is wrong, and 130 after Ctrl-C.")
}
