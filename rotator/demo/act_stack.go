package main

import (
	"context"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/terminal"
)

// logEverything has the server log every statement, so that a password in one would be found.
var logEverything = map[string]string{"log_statement": "all", "log_min_duration_statement": "0"}

// actStack starts what the story needs.
func (d *demo) actStack(ctx context.Context) (err error) {
	d.page.Line(d.page.Paint(terminal.Bold, "Rotating PostgreSQL credentials with two users"))
	d.page.Line("")
	d.page.Say("Everything runs on this machine: a real PostgreSQL, the real Lambda binary, and a stand-in for AWS. " +
		"Nothing is left when it ends, also after Ctrl-C.")
	d.page.Title("1. The stack")
	if d.stack, err = stack.Start(ctx, stack.Options{Settings: logEverything, Note: d.page.part}); err != nil {
		return err
	}
	d.client = newClient(d.stack)
	d.watch = newWatch(d.stack)
	return nil
}
