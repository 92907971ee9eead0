package localpg

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// initdb makes an empty cluster. Its files need not survive a crash of the machine, hence --no-sync.
func (s *Server) initdb(ctx context.Context) error {
	passwordFile := s.folder.join("password")
	if err := os.WriteFile(passwordFile, []byte(s.password), 0o600); err != nil {
		return fmt.Errorf("writing the superuser's password: %w", err)
	}
	defer os.Remove(passwordFile)
	if err := s.account.own(passwordFile); err != nil {
		return fmt.Errorf("writing the superuser's password: %w", err)
	}
	if err := s.makeData(); err != nil {
		return err
	}
	cmd := s.command("initdb", "--pgdata", s.data(), "--username", superuser, "--auth", "scram-sha-256",
		"--pwfile", passwordFile, "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	initdb, err := s.spawn(cmd)
	if err != nil {
		return err
	}
	if err := initdb.wait(ctx); err != nil {
		return fmt.Errorf("running initdb: %w", err)
	}
	if !cmd.ProcessState.Success() {
		return fmt.Errorf("running initdb: %s:\n%s", cmd.ProcessState, lastLines(said.String(), 20))
	}
	return nil
}

// makeData makes the data folder itself: the one above it does not belong to the account.
func (s *Server) makeData() error {
	if err := os.Mkdir(s.data(), 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	if err := s.account.own(s.data()); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	return nil
}

// configure appends to the files that initdb wrote: in postgresql.conf the last line of a name counts.
func (s *Server) configure(o Options) error {
	settings := defaultSettings(o.TLS)
	maps.Copy(settings, o.Settings)
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&conf, "%s = %s\n", name, quoteSetting(settings[name]))
	}
	if err := appendFile(filepath.Join(s.data(), "postgresql.conf"), conf.String()); err != nil {
		return fmt.Errorf("writing postgresql.conf: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"), []byte(hba(o.HBA)), 0o600); err != nil {
		return fmt.Errorf("writing pg_hba.conf: %w", err)
	}
	return nil
}

// defaultSettings make a quick server whose log reads like that of RDS, where log_line_prefix is always
// '%t:%r:%u@%d:[%p]:'. Without fsync only a crash of the machine loses what was committed; synchronous_commit stays
// on, since without it Kill would.
func defaultSettings(tls bool) map[string]string {
	settings := map[string]string{
		"fsync":                   "off",
		"shared_buffers":          "16MB",
		"wal_keep_size":           "256MB", // a standby that was away for a while catches up
		"unix_socket_directories": "",
		"logging_collector":       "off",
		"log_destination":         "stderr",
		"log_line_prefix":         "%t:%r:%u@%d:[%p]:",
		"log_connections":         "on",
		"log_timezone":            "UTC",
		"timezone":                "UTC",
	}
	if tls {
		settings["ssl"] = "on"
	}
	return settings
}

func quoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(value) + "'"
}

func hba(first []string) string {
	lines := append(slices.Clone(first),
		"local all         all scram-sha-256",
		"host  all         all all scram-sha-256",
		"host  replication all all scram-sha-256",
	)
	return strings.Join(lines, "\n") + "\n"
}

func appendFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
