//go:build !linux

package localpg

import (
	"fmt"
	"os/exec"
	"strings"
)

// processes asks ps, which POSIX has everywhere but in slim images of Linux.
func processes() ([]process, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	if err != nil {
		return nil, fmt.Errorf("listing processes with ps: %w", err)
	}
	var table []process
	for line := range strings.Lines(string(out)) {
		var p process
		var state string
		if _, err := fmt.Sscan(line, &p.pid, &p.parent, &state); err != nil {
			return nil, fmt.Errorf("reading the output of ps: %w", err)
		}
		p.zombie = strings.HasPrefix(state, "Z")
		table = append(table, p)
	}
	return table, nil
}
