package main

import (
	"context"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/terminal"
)

// actSetup has the function make the pair and its own functions through the master, once.
func (d *demo) actSetup(ctx context.Context) error {
	d.page.Title("2. Setup, once")
	d.page.Say(`The function is sent {"action":"setup"}. It logs in with the master secret that the application's secret points to, ` +
		"and makes what is missing:")
	var report struct{ Changed []string }
	if err := d.stack.Act(ctx, map[string]string{"action": "setup", "secretId": d.stack.ARN}, &report); err != nil {
		return err
	}
	for _, change := range report.Changed {
		d.page.Hang(terminal.Green, "    + ", change)
	}
	d.page.Say("The master secret is not read again. What the application needs is granted to the shared role; both users become " +
		"that role when they log in, so both have it:")
	grants := []string{"CREATE SCHEMA sales", "GRANT USAGE, CREATE ON SCHEMA sales TO " + stack.Shared}
	for _, grant := range grants {
		d.page.Hang(terminal.Dim, "    "+stack.Master+"> ", grant)
	}
	return d.stack.AsMaster(ctx, grants...)
}
