package main

import (
	"context"
	"errors"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/internal/localaws"
)

// demo is what the acts share, each using what those before it have made.
type demo struct {
	page      *page
	stack     *stack.Stack
	client    *client
	watch     *watch
	rotations []rotation
	refusal   promise            // of the rotations
	sweeper   *localaws.Function // the function that sweeps, once there is one
	sweeps    sweepPromises
	pool      []promise // of the clients beside a pooler; none where there is none
	written   string    // the page of the last sweep; "" = there is none
}

// play runs the acts in order. The error is the first act's that could not go on, or errBroken.
func (d *demo) play(ctx context.Context) (err error) {
	defer func() {
		if d.stack != nil {
			err = errors.Join(err, d.stack.Close())
		}
	}()
	for _, act := range []func(context.Context) error{d.actStack, d.actSetup, d.actCheck, d.actRotate, d.actSweep, d.actFleet, d.actPool, d.actSummary} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}
