package main

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/demo/stack"
)

// tableEvery is how many connections go by until the client makes another table.
const tableEvery = 30

// client is an application that fetches the secret as seldom as it may: it keeps a credential for one whole rotation and the
// time until the next. It opens one connection after the other, writes a row, and now and then makes a table.
type client struct {
	stack *stack.Stack

	mu         sync.Mutex // held over each connection, so that none straddles a change of credential
	credential stack.Credential
	tables     map[string]int // made, by user
	made       int            // connections
	failed     error          // the first connection that did, after which there is no other
	more       chan struct{}  // closed, and made anew, at each connection
}

func newClient(s *stack.Stack) *client {
	return &client{stack: s, tables: map[string]int{}, more: make(chan struct{})}
}

// fetch reads AWSCURRENT, for the connections from now on.
func (c *client) fetch(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	credential, err := c.stack.Credential(ctx, "AWSCURRENT")
	c.credential = credential
	return err
}

// connectUntil opens connections without pause until ctx ends or one fails, and tells whether that was so.
func (c *client) connectUntil(ctx context.Context) (failed bool) {
	for ctx.Err() == nil && !failed {
		failed = c.connectOnce(ctx)
	}
	return failed
}

// connectOnce does not count a connection that the end of the story cut short.
func (c *client) connectOnce(ctx context.Context) (failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.visit(ctx); err != nil {
		if ctx.Err() == nil {
			c.failed = fmt.Errorf("connection %d, as %s: %w", c.made+1, c.credential.Username, err)
		}
		return c.failed != nil
	}
	c.made++
	close(c.more)
	c.more = make(chan struct{})
	return false
}

// visit logs in, works and leaves.
func (c *client) visit(ctx context.Context) error {
	conn, err := c.stack.Connect(ctx, c.credential, "shop")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return c.work(ctx, conn)
}

// work writes into the newest table, whichever of the two users made it.
func (c *client) work(ctx context.Context, conn *pgx.Conn) error {
	newest := c.made / tableEvery
	if c.made%tableEvery == 0 {
		_, err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE sales.orders_%d (placed_by name DEFAULT session_user)", newest))
		if err != nil {
			return err
		}
		c.tables[c.credential.Username]++
	}
	_, err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO sales.orders_%d DEFAULT VALUES", newest))
	return err
}

// await waits until the client has opened n more connections.
func (c *client) await(ctx context.Context, n int) error {
	made, more := c.progress()
	for until := made + n; made < until; made, more = c.progress() {
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (c *client) progress() (made int, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made, c.more
}

// tally is what the client has done so far.
type tally struct {
	user   string // whose credential it holds
	made   int
	failed error
	tables map[string]int
}

// failures is how many connections failed: the first is the last.
func (t tally) failures() int {
	if t.failed != nil {
		return 1
	}
	return 0
}

func (c *client) tally() tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return tally{user: c.credential.Username, made: c.made, failed: c.failed, tables: maps.Clone(c.tables)}
}
