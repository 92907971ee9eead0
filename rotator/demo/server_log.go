package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// serverLog reads what is appended to a PostgreSQL log.
type serverLog struct {
	path   string
	offset int64
}

// appended is the whole lines that were written since the last call.
func (l *serverLog) appended() ([]string, error) {
	file, err := os.Open(l.path)
	if err != nil {
		return nil, fmt.Errorf("reading the server's log: %w", err)
	}
	defer file.Close()
	if _, err := file.Seek(l.offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading the server's log: %w", err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("reading the server's log: %w", err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	l.offset += int64(len(text))
	return strings.Split(string(text), "\n"), nil
}

// traffic is what log lines tell of logins.
type traffic struct {
	connections int      // by the function
	refused     []string // lines: of anybody's login that the server turned down, or session that it ended
}

func readTraffic(lines []string) traffic {
	var t traffic
	for _, line := range lines {
		switch {
		case strings.Contains(line, "LOG:  connection authorized:") && strings.Contains(line, " application_name=pgrotator "):
			t.connections++
		case strings.Contains(line, "]:FATAL:  "):
			t.refused = append(t.refused, line)
		}
	}
	return t
}
