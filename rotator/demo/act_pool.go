package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/internal/localpool"
)

// pooledRotations is how many there are beside a pooler, and pooledVisits how many logins each of its clients makes after each.
const (
	pooledRotations = 2
	pooledVisits    = 20
)

// actPool has a second pair rotate while two clients log in, one directly and one through a pooler.
func (d *demo) actPool(ctx context.Context) error {
	d.page.Title("7. A client behind a pooler, beside a direct one")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pool, err := d.stack.StartPool(ctx)
	if errors.Is(err, localpool.ErrNotInstalled) {
		d.page.Say("PgBouncer is not installed on this machine, so this part of the story is left out. Debian's package is pgbouncer; " +
			"the variable PGBOUNCER names a binary that is not on the PATH.")
		return nil
	}
	if err != nil {
		return err
	}
	d.page.Say("PgBouncer stands in an RDS Proxy's place: it knows each user by AWSCURRENT of that user's mirror, and reads it again from time to time. " +
		"The function writes the mirror before AWSCURRENT moves. Both clients keep what they fetched for one whole rotation and the time until the next.")
	visitors := []*visitor{{name: "direct", never: "A client of the second pair that logs in directly never fails"},
		{name: "behind the pooler", never: "Nor does one behind the pooler", pooled: true}}
	for n := range pooledRotations {
		credential, err := pool.Credential(ctx)
		if err != nil {
			return err
		}
		if err := visitThrough(ctx, pool, credential, visitors, func() error { return pool.Rotate(ctx, d.stack.Function) }); err != nil {
			return err
		}
		d.page.Line(fmt.Sprintf("  Rotation %d, as %s", n+1, d.user(credential.Username)))
		for _, v := range visitors {
			d.page.Line(fmt.Sprintf("    %-20s%d logins so far, %d failed", v.name, v.made, v.failures()))
		}
	}
	for _, v := range visitors {
		p := promise{text: v.never, seen: fmt.Sprintf("%d logins", v.made)}
		p.require(v.failed == nil, fmt.Sprintf("after %d that worked", v.made), v.failed)
		p.require(v.made >= pooledRotations*pooledVisits, "logins", v.made)
		d.pool = append(d.pool, p)
	}
	return nil
}

// visitor is a client that logs in again and again, until it fails once.
type visitor struct {
	name   string
	never  string // its promise
	pooled bool
	made   int
	failed error
}

// visitThrough has all visitors log in with a credential while a rotation is under way, and for a while after it.
func visitThrough(ctx context.Context, pool *stack.Pool, credential stack.Credential, visitors []*visitor, rotate func() error) error {
	over := make(chan struct{})
	var all sync.WaitGroup
	for _, v := range visitors {
		all.Go(func() {
			for left := pooledVisits; left > 0 && v.failed == nil && ctx.Err() == nil; {
				if v.failed = pool.Visit(ctx, credential, v.pooled); v.failed == nil {
					v.made++
				}
				select {
				case <-over:
					left--
				default:
				}
			}
		})
	}
	err := rotate()
	close(over)
	all.Wait()
	return err
}

// failures is how many logins failed: the first is the last.
func (v *visitor) failures() int {
	if v.failed != nil {
		return 1
	}
	return 0
}
