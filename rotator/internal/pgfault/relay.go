package pgfault

import (
	"bufio"
	"net"
	"sync/atomic"
)

// relay is one connection through the Proxy.
type relay struct {
	proxy    *Proxy
	client   net.Conn
	server   net.Conn
	withhold atomic.Bool   // answers are read and not passed on
	answered chan struct{} // closed when a withheld answer is complete, or the server is gone
}

func newRelay(p *Proxy, client, server net.Conn) *relay {
	return &relay{proxy: p, client: client, server: server, answered: make(chan struct{})}
}

func (r *relay) cut() {
	// Either side may be gone already.
	_ = r.client.Close()
	_ = r.server.Close()
}

// run relays until either side ends or a fault does.
func (r *relay) run() {
	go r.answers()
	r.requests()
	r.cut()
	<-r.answered
}

func (r *relay) requests() {
	from := bufio.NewReader(r.client)
	first, err := readStartup(from)
	if err != nil || first.cancels() {
		_, _ = r.server.Write(first)
		return
	}
	if !r.pass(first) {
		return
	}
	for {
		request, asks, err := readRequest(from)
		if err != nil {
			return
		}
		if !asks { // Terminate
			_, _ = r.server.Write(request)
			return
		}
		if !r.pass(request) {
			return
		}
	}
}

// pass counts a request and passes it on; false = the connection ends here.
func (r *relay) pass(request []byte) bool {
	kind, kill, fault := r.proxy.point()
	if !fault {
		_, err := r.server.Write(request)
		return err == nil
	}
	if !kind.before() {
		r.withhold.Store(true)
		if _, err := r.server.Write(request); err == nil {
			<-r.answered
		}
	}
	if kind.kills() {
		kill()
	}
	return false
}

// answers passes on what the server says, until a withheld answer is complete.
func (r *relay) answers() {
	defer close(r.answered)
	from := bufio.NewReader(r.server)
	for {
		answer, err := readMessage(from)
		withheld := r.withhold.Load()
		if err != nil || withheld && completes(answer) {
			if !withheld {
				_ = r.client.Close()
			}
			return
		}
		if withheld {
			continue
		}
		if _, err := r.client.Write(answer); err != nil {
			return
		}
	}
}
