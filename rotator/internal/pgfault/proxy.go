package pgfault

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Proxy listens in a server's place.
type Proxy struct {
	listener net.Listener

	mu      sync.Mutex
	target  string
	relays  map[*relay]struct{}
	points  int
	at      int // the point of the fault; 0 = none
	kind    Kind
	kill    func()
	reached bool
	before  func() // nil = nothing
}

// Start listens on a free port of 127.0.0.1 for connections to target, host:port, until ctx ends.
func Start(ctx context.Context, target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening in front of %s: %w", target, err)
	}
	p := &Proxy{listener: listener, target: target, relays: map[*relay]struct{}{}}
	context.AfterFunc(ctx, func() {
		listener.Close()
		p.cutAll()
	})
	go p.accept()
	return p, nil
}

// Port is where the Proxy listens on 127.0.0.1.
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Count begins the count of points at 0 again, without a fault to come.
func (p *Proxy) Count() {
	p.Inject(0, "", nil)
}

// Points is how often clients have asked for an answer since the last Count or Inject: a startup, a step of the password
// exchange, a Query or a Sync.
func (p *Proxy) Points() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.points
}

// Inject begins the count again and lets the fault happen once, at the point-th point from now. kill ends the client's process
// and returns when it is gone; cuts do without.
func (p *Proxy) Inject(point int, kind Kind, kill func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.points, p.at, p.kind, p.kill, p.reached = 0, point, kind, kill, false
}

// BeforeEach has act done at each point from now on, before the server hears of it; by several connections at once.
func (p *Proxy) BeforeEach(act func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = act
}

// Reached tells whether the fault has happened.
func (p *Proxy) Reached() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reached
}

// Redirect cuts all connections and has new ones go to another server, as an endpoint does after a failover.
func (p *Proxy) Redirect(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
	p.cutAll()
}

func (p *Proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := range p.relays {
		r.cut()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		client.Close() // a server that is down: the client sees its connection cut
		return
	}
	r := newRelay(p, client, server)
	p.mu.Lock()
	p.relays[r] = struct{}{}
	p.mu.Unlock()
	r.run()
	p.mu.Lock()
	delete(p.relays, r)
	p.mu.Unlock()
}

// point counts one, and tells the fault that is to happen there.
func (p *Proxy) point() (kind Kind, kill func(), fault bool) {
	p.mu.Lock()
	before := p.before
	p.mu.Unlock()
	if before != nil {
		before()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.points++
	if p.points != p.at {
		return "", nil, false
	}
	p.reached = true
	return p.kind, p.kill, true
}
