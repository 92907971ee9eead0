package secret

import (
	"net/netip"
	"regexp"
	"strings"
)

// hostName is a name that DNS can hold, in its ASCII form, with the underscores that private zones have.
var hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$`)

const longestHostName = 253

// hostFault says why a text is no host, or "". Anything but a name or an address is refused, since each client would read it in
// its own way: a leading / makes many dial a Unix socket.
func hostFault(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	switch bare, _, port := strings.Cut(host, ":"); {
	case strings.HasPrefix(host, "/"):
		return "names a Unix socket; expected the database's host name or address"
	case strings.Contains(host, "://"):
		return "is a URL; expected its host name alone"
	case strings.HasPrefix(host, "["):
		return "has brackets; expected the address without them"
	case port && hostName.MatchString(bare):
		return `holds a port; expected the host name alone, with the port in the key "port"`
	case len(host) > longestHostName || !hostName.MatchString(host):
		return "is neither a host name nor an address"
	}
	return ""
}
