package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/terminal"
)

// rotations is how many the story has, and interval the number of client connections between two.
const (
	rotations = 6
	interval  = 40
)

// rotation is what was seen of one.
type rotation struct {
	steps    []step
	previous stack.Credential
	login    error // of AWSPREVIOUS after the rotation
}

func (r rotation) sum(of func(step) int) int {
	total := 0
	for _, s := range r.steps {
		total += of(s)
	}
	return total
}

func callsOf(s step) int       { return s.calls }
func connectionsOf(s step) int { return s.connections }

// actRotate rotates while the client connects.
func (d *demo) actRotate(ctx context.Context) error {
	d.page.Title("4. Rotations, while a client never stops connecting")
	d.page.Say("The client keeps what it fetched for one whole rotation and the time until the next: when a rotation ends, it goes on " +
		"with what is AWSPREVIOUS by then, and fetches again only just before the next. It opens one connection after the other, " +
		"writes a row in each, and makes a table now and then.")
	if err := d.watch.start(); err != nil {
		return err
	}
	if err := d.client.fetch(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if d.client.connectUntil(ctx) {
			cancel()
		}
	}()
	defer func() {
		cancel()
		<-stopped
	}()
	for n := range rotations {
		err := d.rotate(ctx, n+1)
		if d.client.tally().failed != nil {
			return nil // the summary tells of it; err is only what that has cut short
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rotate fetches for the client, rotates, and gives the client time with what is then AWSPREVIOUS.
func (d *demo) rotate(ctx context.Context, number int) error {
	if err := d.client.fetch(ctx); err != nil {
		return err
	}
	if err := d.client.await(ctx, 1); err != nil {
		return err
	}
	d.stepHeading(number)
	before := d.client.tally()
	var r rotation
	d.watch.begin(ctx, func(s step) {
		r.steps = append(r.steps, s)
		d.showStep(s)
	})
	err := d.stack.Rotate(ctx, d.stack.Function)
	d.watch.end()
	if err != nil {
		return err
	}
	during := d.client.tally()
	r.previous, r.login = d.watch.loginAs(ctx, "AWSPREVIOUS")
	if err := d.client.await(ctx, interval); err != nil {
		return err
	}
	d.rotations = append(d.rotations, r)
	d.showRotation(r)
	return d.showClient(ctx, before, during, d.client.tally())
}

func (d *demo) stepHeading(number int) {
	d.page.Line("")
	heading := terminal.Pad(fmt.Sprintf("  Rotation %d", number), 18)
	d.page.Line(d.page.Paint(terminal.Bold, heading) + d.page.Paint(terminal.Dim, fmt.Sprintf("%10s%10s%11s%13s   %s", "time", "CPU", "AWS calls", "connections", "AWSCURRENT then")))
}

func (d *demo) showStep(s step) {
	then := d.user(s.current.Username) + " logs in"
	if s.login != nil {
		then = d.page.Paint(terminal.Red, s.login.Error())
	}
	d.page.Line(figures(s.name, s.wall, s.cpu, s.calls, s.connections) + "   " + then)
}

func figures(name string, wall, cpu time.Duration, calls, connections int) string {
	return fmt.Sprintf("    %-14s%10s%10s%11d%13d", name, milliseconds(wall), milliseconds(cpu), calls, connections)
}

func milliseconds(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

func (d *demo) showRotation(r rotation) {
	var wall, cpu time.Duration
	for _, s := range r.steps {
		wall, cpu = wall+s.wall, cpu+s.cpu
	}
	d.page.Line(figures("in all", wall, cpu, r.sum(callsOf), r.sum(connectionsOf)))
	current := r.steps[len(r.steps)-1].current
	d.page.Line("    " + terminal.Pad("AWSCURRENT", 14) + short(current.Version) + "  " + d.user(current.Username))
	logsIn := ", which still logs in"
	if r.login != nil {
		logsIn = ": " + d.page.Paint(terminal.Red, r.login.Error())
	}
	d.page.Line("    " + terminal.Pad("AWSPREVIOUS", 14) + short(r.previous.Version) + "  " + d.user(r.previous.Username) + logsIn)
}

// short is enough of a version id to tell it from the others.
func short(version string) string {
	return version[:min(8, len(version))]
}

// user is a name of the pair in its own colour.
func (d *demo) user(name string) string {
	colour := terminal.Pink
	if name == stack.FirstUser {
		colour = terminal.Blue
	}
	return d.page.Paint(colour, name)
}

func (d *demo) showClient(ctx context.Context, before, during, after tally) error {
	d.page.Line(fmt.Sprintf("    %-14sas %s: %d connections during it, %d after it, %d failed", "client",
		d.user(after.user), during.made-before.made, after.made-during.made, after.failures()))
	owners, err := d.owners(ctx)
	if err != nil {
		return err
	}
	d.page.Line(fmt.Sprintf("    %-14s%s; owned by %s", "tables", madeBy(after.tables), strings.Join(owners, ", ")))
	return nil
}

func madeBy(tables map[string]int) string {
	var parts []string
	for _, user := range slices.Sorted(maps.Keys(tables)) {
		parts = append(parts, fmt.Sprintf("%d made as %s", tables[user], user))
	}
	return strings.Join(parts, ", ")
}

// owners names the owners of the client's tables.
func (d *demo) owners(ctx context.Context) ([]string, error) {
	return d.stack.Names(ctx, "SELECT DISTINCT tableowner::text FROM pg_catalog.pg_tables WHERE schemaname = 'sales' ORDER BY 1")
}
