package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// backUp copies a running server's data through the low-level backup API (not every installation has pg_basebackup):
// the files may change under the copy, the standby mends them with the WAL that it streams.
// https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
func backUp(ctx context.Context, conn *pgx.Conn, primary *Server, target string) error {
	start, stop := "SELECT pg_backup_start('standby', true)", "SELECT labelfile FROM pg_backup_stop(false)"
	if primary.Major() < 15 {
		start, stop = "SELECT pg_start_backup('standby', true, false)", "SELECT labelfile FROM pg_stop_backup(false, false)"
	}
	if _, err := conn.Exec(ctx, start); err != nil {
		return err
	}
	if err := copyData(primary.data(), target); err != nil {
		return err
	}
	var label string
	if err := conn.QueryRow(ctx, stop).Scan(&label); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(target, "backup_label"), []byte(label), 0o600)
}

// copyData leaves out what the documentation of base backups tells to leave out.
func copyData(source, target string) error {
	return filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(source, path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed by the server meanwhile
			return nil
		case err != nil:
			return err
		case name == "." || leftOut(name):
			return nil
		case entry.IsDir():
			return os.Mkdir(filepath.Join(target, name), 0o700)
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s is no plain file: tablespaces are not copied", path)
		}
		err = copyFile(path, filepath.Join(target, name), 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

func leftOut(name string) bool {
	switch filepath.Dir(name) {
	case "pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans":
		return true
	}
	switch name {
	case "postmaster.pid", "postmaster.opts":
		return true
	}
	return strings.HasPrefix(filepath.Base(name), "pgsql_tmp")
}

func copyFile(source, target string, mode os.FileMode) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		return err
	}
	return to.Close()
}
