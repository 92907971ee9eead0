package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const pollInterval = 10 * time.Millisecond

// errPortTaken is returned by launch, for startOnFreePort to try another one.
var errPortTaken = errors.New("its port is taken by another process")

// startOnFreePort tries again where another process took the port between freePort's look and the server's.
func (s *Server) startOnFreePort(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for tries := 1; ; tries++ {
		port, err := freePort()
		if err != nil {
			return err
		}
		s.port = port
		if err := s.launch(ctx); !errors.Is(err, errPortTaken) || tries == 5 {
			return err
		}
	}
}

// launch starts the postmaster and returns when it accepts connections. The caller holds s.mu.
func (s *Server) launch(ctx context.Context) error {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("opening the log of PostgreSQL: %w", err)
	}
	defer log.Close()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("opening the log of PostgreSQL: %w", err)
	}
	cmd := s.command("postgres", "-D", s.data(), "-p", strconv.Itoa(s.port), "-c", "listen_addresses="+listenAddresses())
	cmd.Stdout, cmd.Stderr = log, log
	if s.postmaster, err = s.spawn(cmd); err != nil {
		return err
	}
	if err := s.awaitReady(ctx); err != nil {
		return errors.Join(s.startError(err, begin), s.stopAtOnce())
	}
	// Only a warning to the server, as long as it gets one of its addresses.
	if strings.Contains(s.logSince(begin), "could not bind") {
		return errors.Join(s.startError(errPortTaken, begin), s.stopAtOnce())
	}
	return nil
}

// awaitReady waits until postmaster.pid says so, as pg_ctl does: unlike a connection, that leaves no line in the log.
func (s *Server) awaitReady(ctx context.Context) error {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for !s.ready() {
		select {
		case <-poll.C:
		case <-s.postmaster.exited:
			return errors.New("it ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// ready reads the eighth line of postmaster.pid, whose first tells an earlier run's file. A hot standby is ready when
// it accepts connections.
func (s *Server) ready() bool {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) > 7 && lines[0] == strconv.Itoa(s.postmaster.pid()) && strings.TrimSpace(lines[7]) == "ready"
}

// startError adds what the server itself said about a start.
func (s *Server) startError(cause error, begin int64) error {
	said := s.logSince(begin)
	if strings.Contains(said, "could not bind") {
		cause = errPortTaken
	}
	return fmt.Errorf("starting PostgreSQL %d: %w; its log ends:\n%s", s.Major(), cause, lastLines(said, 20))
}

func (s *Server) logSince(begin int64) string {
	text, err := os.ReadFile(s.LogFile())
	if err != nil || int64(len(text)) < begin {
		return ""
	}
	return string(text[begin:])
}

// stopAtOnce ends the server without a checkpoint. The caller holds s.mu.
func (s *Server) stopAtOnce() error {
	if !s.running() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), stopTimeout, errStopTimeout)
	defer cancel()
	return s.signalAndWait(ctx, syscall.SIGQUIT)
}

// signalAndWait ends the server by a signal, or by SIGKILL where the context ends first. The caller holds s.mu.
func (s *Server) signalAndWait(ctx context.Context, signal os.Signal) error {
	if err := s.postmaster.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping PostgreSQL: %w", err)
	}
	select {
	case <-s.postmaster.exited:
		s.postmaster = nil
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("stopping PostgreSQL, which is now killed: %w", context.Cause(ctx)), s.kill())
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
