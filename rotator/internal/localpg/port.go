package localpg

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports below the ranges that kernels give to outgoing connections (from 32768 on Linux, 49152 on macOS): a server
// that is stopped finds its port still free when it starts again.
const firstPort, lastPort = 15000, 32767

func freePort() (int, error) {
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if canListen(loopback, port) && (!hasIPv6() || canListen("::1", port)) {
			return port, nil
		}
	}
	return 0, errors.New("finding a free port for PostgreSQL: none among 100 that were tried")
}

// listenAddresses are those that localhost may stand for on this machine.
func listenAddresses() string {
	if hasIPv6() {
		return loopback + ",::1"
	}
	return loopback
}

func hasIPv6() bool { return canListen("::1", 0) }

func canListen(host string, port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	listener.Close()
	return true
}
