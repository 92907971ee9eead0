package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby makes a hot standby of this running server, with a port, a folder and a Close of its own, and returns when
// it streams. Its settings, passwords and certificates are those of this server.
func (s *Server) Standby(ctx context.Context) (*Server, error) {
	ctx, cancel := withDefaultDeadline(ctx)
	defer cancel()
	standby, err := newServer(s.installation, s.account, s.tls, s.password)
	if err != nil {
		return nil, err
	}
	if err := standby.follow(ctx, s); err != nil {
		return nil, errors.Join(fmt.Errorf("making a standby: %w", err), standby.Close())
	}
	return standby, nil
}

// Promote makes a standby a primary and returns when it accepts changes.
func (s *Server) Promote(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running() {
		return errNotRunning
	}
	ctx, cancel := withDefaultDeadline(ctx)
	defer cancel()
	if err := s.promote(ctx); err != nil {
		return fmt.Errorf("promoting the standby: %w", err)
	}
	return nil
}

func (s *Server) promote(ctx context.Context) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var promoted bool
	if err := conn.QueryRow(ctx, "SELECT pg_promote(true, 60)").Scan(&promoted); err != nil {
		return err
	}
	if !promoted {
		return errors.New("not done within 60s")
	}
	return nil
}

func (s *Server) follow(ctx context.Context, primary *Server) error {
	conn, err := primary.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := s.makeData(); err != nil {
		return err
	}
	if err := backUp(ctx, conn, primary, s.data()); err != nil {
		return fmt.Errorf("backing up its primary: %w", err)
	}
	if err := s.pointTo(primary); err != nil {
		return err
	}
	if err := s.startOnFreePort(ctx); err != nil {
		return err
	}
	return awaitStreaming(ctx, conn, s.applicationName())
}

// pointTo writes what makes a copy of the primary's data a standby.
func (s *Server) pointTo(primary *Server) error {
	conninfo := fmt.Sprintf("host=%s port=%s user=%s password=%s application_name=%s",
		loopback, strconv.Itoa(primary.port), superuser, s.password, s.applicationName())
	setting := "primary_conninfo = " + quoteSetting(conninfo) + "\n"
	if err := appendFile(filepath.Join(s.data(), "postgresql.auto.conf"), setting); err != nil {
		return fmt.Errorf("writing primary_conninfo: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.data(), "standby.signal"), nil, 0o600); err != nil {
		return err
	}
	if s.tls {
		if err := copyFile(primary.CAFile(), s.CAFile(), 0o644); err != nil {
			return err
		}
	}
	return s.account.ownAll(s.data())
}

func (s *Server) applicationName() string { return filepath.Base(s.folder.path) }

func (s *Server) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, s.URL(superuser, s.password, "postgres"))
}

func awaitStreaming(ctx context.Context, primary *pgx.Conn, standby string) error {
	const sql = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming')"
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		var streaming bool
		if err := primary.QueryRow(ctx, sql, standby).Scan(&streaming); err != nil || streaming {
			return err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for it to stream: %w", context.Cause(ctx))
		}
	}
}
