package secret

import (
	"net/netip"
	"strings"
)

// Bounds of a name in DNS (RFC 1035, 2.3.4).
const (
	longestHostName = 253
	longestLabel    = 63
)

// isHostName reports a name that DNS can hold, in its ASCII form, with the underscores that private zones have.
func isHostName(name string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if !isLabel(label) {
			return false
		}
	}
	return len(name) <= longestHostName
}

func isLabel(label string) bool {
	other := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-')
	}
	return label != "" && len(label) <= longestLabel && !strings.ContainsFunc(label, other) && label[0] != '-' && label[len(label)-1] != '-'
}

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
	case port && isHostName(bare):
		return `holds a port; expected the host name alone, with the port in the key "port"`
	case !isHostName(host):
		return "is neither a host name nor an address"
	}
	return ""
}
