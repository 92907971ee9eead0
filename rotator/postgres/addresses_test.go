package postgres_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"pgrotator/rotator/postgres"
)

// hosts are the names that the tests' own name server knows, by their addresses in order: 127.0.0.1 is the server, .2 accepts and is
// silent, .3 is closed, and .4 does not even accept.
var hosts = map[string][]string{
	"second-answers.test": {"127.0.0.2", "127.0.0.1"},
	"third-answers.test":  {"127.0.0.3", "127.0.0.2", "127.0.0.1"},
	"none-answers.test":   {"127.0.0.3", "127.0.0.2", "127.0.0.4"},
	"refused-once.test":   {"127.0.0.1", "127.0.0.2"},
}

// serveNames has Go's resolver ask a name server of this process for what /etc/hosts does not know.
func serveNames() error {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	go func() {
		query := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(answer(query[:n]), from)
		}
	}()
	return nil
}

// answer answers a query of RFC 1035 for a name's IPv4 addresses.
func answer(query []byte) []byte {
	const header, typeA = 12, 1
	at, labels := header, []string{}
	for query[at] > 0 {
		length := int(query[at])
		labels = append(labels, string(query[at+1:at+1+length]))
		at += 1 + length
	}
	kind, end := binary.BigEndian.Uint16(query[at+1:]), at+5
	addresses := hosts[strings.Join(labels, ".")]
	if kind != typeA {
		addresses = nil
	}
	reply := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, byte(len(addresses)), 0, 0, 0, 0}, query[header:end]...)
	for _, address := range addresses {
		ip := netip.MustParseAddr(address).As4()
		reply = append(reply, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4)
		reply = append(reply, ip[:]...)
	}
	return reply
}

// silent listens at an address and lets nobody in: the kernel accepts, and nothing answers.
func silent(t *testing.T, at netip.AddrPort) {
	t.Helper()
	listener, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
}

// full listens at an address whose queue is taken: the kernel does not accept either.
func full(t *testing.T, at netip.AddrPort) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
}

// A host with several addresses: each has its turn, and each failure is told as what it was.
func TestEveryAddressHasItsTurn(t *testing.T) {
	t.Parallel()
	silent(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), target().Port))
	full(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.4"), target().Port))
	for name, c := range map[string]struct {
		login postgres.Login
		want  []string // nil = logs in
	}{
		"second-answers": {superuser(), nil},
		"third-answers":  {superuser(), nil},
		"none-answers": {superuser(), []string{"none of the host's 3 addresses logs in",
			"127.0.0.3: nothing listens on this port", "127.0.0.2: the connection was accepted, and the login was not over within 5s",
			"127.0.0.4: no connection within 5s (timeout): check the function's subnets and the security groups"}},
		"refused-once": {postgres.Login{User: "nobody", Password: "p"}, []string{": the server refused this user"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := target()
			at.Host, at.Plaintext = name+".test.", true
			session, err := opener().Open(t.Context(), at, c.login)
			if err == nil {
				session.Close(t.Context())
			}
			if (err == nil) != (c.want == nil) {
				t.Fatalf("error %v; want %q", err, c.want)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v; want %q", err, want)
				}
			}
		})
	}
}
