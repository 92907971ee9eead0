package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// processes reads /proc: slim images have no ps.
func processes() ([]process, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var table []process
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		p, err := parseStat(string(text))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		table = append(table, p)
	}
	return table, nil
}

// parseStat reads "pid (name) state parent …"; the name may hold spaces and brackets (proc(5)).
func parseStat(stat string) (process, error) {
	var p process
	if _, err := fmt.Sscanf(stat, "%d", &p.pid); err != nil {
		return p, err
	}
	var state string
	if _, err := fmt.Sscanf(stat[strings.LastIndexByte(stat, ')')+1:], " %s %d", &state, &p.parent); err != nil {
		return p, err
	}
	p.zombie = state == "Z" || state == "X"
	return p, nil
}
