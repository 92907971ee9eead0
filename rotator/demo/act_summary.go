package main

import (
	"context"

	"pgrotator/rotator/terminal"
)

// actSummary tells which promises were kept, and fails where one was not.
func (d *demo) actSummary(ctx context.Context) error {
	d.page.Title("Promises")
	promises := []promise{clientPromise(d.client.tally()), d.countPromise()}
	promises = append(promises, d.rotationPromises()...)
	promises = append(promises, d.refusal, d.ownerPromise(ctx), d.silencePromise())
	promises = append(promises, d.sweeps.promises...)
	promises = append(promises, d.pool...)
	kept := true
	for _, p := range promises {
		d.showPromise(p)
		kept = kept && len(p.broken) == 0
	}
	if !kept {
		return errBroken
	}
	d.page.Line("")
	if d.written != "" {
		d.page.Say("What an auditor would look at of the last sweep:")
		d.page.Line("  " + d.written)
		d.page.Line("")
	}
	d.page.Say("All kept. For commands of your own on the same stack: make local")
	return nil
}

func (d *demo) showPromise(p promise) {
	if len(p.broken) > 0 {
		d.page.Hang(terminal.Red, "  broken  ", p.text)
		for _, evidence := range p.broken {
			d.page.Hang(terminal.Red, "          - ", evidence)
		}
		return
	}
	text := p.text
	if p.seen != "" {
		text += ": " + p.seen
	}
	d.page.Hang(terminal.Green, "  kept    ", text)
}
