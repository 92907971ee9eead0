package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgrotator/rotator/demo/stack"
)

// errBroken ends the story where a promise was not kept.
var errBroken = errors.New("a promise was broken: see the list above")

// promise is one thing that the rotator is held to.
type promise struct {
	text   string
	seen   string   // what keeps it
	broken []string // what breaks it
}

// The most that a rotation may cost.
const (
	mostCalls       = 13 // one of them the look for a blue/green deployment
	mostConnections = 2
)

// rotationPromises hold the rotations to their words.
func (d *demo) rotationPromises() []promise {
	current := promise{text: "AWSCURRENT logs in after every step"}
	previous := promise{text: "AWSPREVIOUS logs in after every rotation"}
	calls := promise{text: fmt.Sprintf("A rotation makes at most %d AWS calls", mostCalls)}
	connections := promise{text: fmt.Sprintf("A rotation opens %d connections", mostConnections)}
	master := promise{text: "The master secret is not read again after setup"}
	steps := 0
	for n, r := range d.rotations {
		at := fmt.Sprintf("rotation %d", n+1)
		previous.require(r.login == nil, at, r.login)
		calls.require(r.sum(callsOf) <= mostCalls, at, r.sum(callsOf))
		connections.require(r.sum(connectionsOf) == mostConnections, at, r.sum(connectionsOf))
		for _, s := range r.steps {
			steps++
			current.require(s.login == nil, at+", "+s.name, s.login)
			master.require(!s.readMaster, at+", "+s.name, "read it")
		}
	}
	current.seen = fmt.Sprintf("%d of %d", steps-len(current.broken), steps)
	previous.seen = fmt.Sprintf("%d of %d", len(d.rotations)-len(previous.broken), len(d.rotations))
	calls.seen = d.each(callsOf)
	connections.seen = d.each(connectionsOf)
	return []promise{current, previous, calls, connections, master}
}

func (p *promise) require(kept bool, at string, evidence any) {
	if !kept {
		p.broken = append(p.broken, fmt.Sprintf("%s: %v", at, evidence))
	}
}

// each lists a sum of every rotation.
func (d *demo) each(of func(step) int) string {
	var sums []string
	for _, r := range d.rotations {
		sums = append(sums, strconv.Itoa(r.sum(of)))
	}
	return strings.Join(sums, ", ")
}

func clientPromise(t tally) promise {
	p := promise{text: "The client's connections never fail", seen: fmt.Sprintf("%d made, %d failed", t.made, t.failures())}
	p.require(t.failed == nil, fmt.Sprintf("after %d that worked", t.made), t.failed)
	return p
}

// countPromise keeps the others from being kept by a story that was cut short.
func (d *demo) countPromise() promise {
	p := promise{text: "Every rotation that was asked for has taken place", seen: strconv.Itoa(len(d.rotations))}
	p.require(len(d.rotations) == rotations, "rotations", fmt.Sprintf("%d of %d", len(d.rotations), rotations))
	return p
}

func (d *demo) refusalPromise() promise {
	p := promise{text: "No login is refused, neither the function's nor the client's"}
	_, err := d.watch.connections()
	p.require(err == nil, "looking", err)
	for _, line := range d.watch.refused {
		p.require(false, "the server's log", line)
	}
	return p
}

func (d *demo) ownerPromise(ctx context.Context) promise {
	made := d.client.tally().tables
	owners, err := d.owners(ctx)
	p := promise{text: "All that the client made belongs to the shared role", seen: madeBy(made)}
	if p.require(err == nil, "looking", err); err == nil {
		p.require(slices.Equal(owners, []string{stack.Shared}), "owners", owners)
	}
	p.require(len(made) == 2, "made as both users", madeBy(made))
	return p
}

// silencePromise looks for every password of the story in what was written down. What it found is told by place, not by text.
func (d *demo) silencePromise() promise {
	log, err := d.stack.PG.Log()
	output := d.stack.Function.Output()
	passwords := d.passwords()
	p := promise{text: "No password is written to a log", seen: fmt.Sprintf("%d looked for in %.1f MB of the server's, with every statement in it, and %.1f kB of the function's",
		len(passwords), float64(len(log))/1e6, float64(len(output))/1e3)}
	p.require(err == nil, "looking", err)
	for password := range passwords {
		p.require(!strings.Contains(log, password), "the server's log", "holds a password")
		p.require(!strings.Contains(output, password), "the function's output", "holds a password")
	}
	return p
}

func (d *demo) passwords() map[string]bool {
	all := map[string]bool{}
	for _, password := range d.stack.Passwords() {
		all[password] = true
	}
	for _, r := range d.rotations {
		for _, s := range r.steps {
			if s.current.Password != "" {
				all[s.current.Password] = true
			}
		}
	}
	return all
}
