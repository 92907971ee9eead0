package localpg

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

const stopTimeout = 30 * time.Second

var (
	errStopTimeout = fmt.Errorf("not done within %s", stopTimeout)
	errNotRunning  = errors.New("PostgreSQL is not running")
	errRunning     = errors.New("PostgreSQL is running already")
	errClosed      = errors.New("PostgreSQL was closed")
)

// Stop ends the server as "pg_ctl stop -m fast" does: sessions are ended, the data stays for StartAgain.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop(ctx)
}

// StartAgain starts the server on its old port after Stop or Kill.
func (s *Server) StartAgain(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.startAgain(ctx)
}

// Restart is Stop and StartAgain.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(ctx); err != nil {
		return err
	}
	return s.startAgain(ctx)
}

// Kill ends all processes of the server by SIGKILL, as a crash would. The data stays for StartAgain.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running() {
		return errNotRunning
	}
	return s.kill()
}

func (s *Server) kill() error {
	if err := killTree(s.postmaster); err != nil {
		return fmt.Errorf("killing PostgreSQL: %w", err)
	}
	s.postmaster = nil
	return nil
}

func (s *Server) stop(ctx context.Context) error {
	if !s.running() {
		return errNotRunning
	}
	ctx, cancel := withDefaultDeadline(ctx)
	defer cancel()
	return s.signalAndWait(ctx, syscall.SIGINT)
}

func (s *Server) startAgain(ctx context.Context) error {
	switch {
	case s.closed:
		return errClosed
	case s.running():
		return errRunning
	}
	ctx, cancel := withDefaultDeadline(ctx)
	defer cancel()
	return s.launch(ctx)
}

// running forgets a server that ended without being told to. The caller holds s.mu.
func (s *Server) running() bool {
	if s.postmaster == nil {
		return false
	}
	select {
	case <-s.postmaster.exited:
		s.postmaster = nil
		return false
	default:
		return true
	}
}
