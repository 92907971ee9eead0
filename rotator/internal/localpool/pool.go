// Package localpool runs PgBouncer as a stand-in for RDS Proxy: a pooler that knows each user by AWSCURRENT of a secret, which it
// reads again from time to time.
package localpool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNotInstalled is returned by Start where there is no PgBouncer. The variable PGBOUNCER names one that is not on the PATH.
var ErrNotInstalled = errors.New("PgBouncer is not installed")

// Credentials are the users that a pooler serves, by their passwords.
type Credentials func(ctx context.Context) (map[string]string, error)

// Options says what a Pool stands before and whom it serves.
type Options struct {
	Listen      string // an address of this machine
	Port        int
	Backend     string // the server's address
	BackendPort int
	Credentials Credentials
	Every       time.Duration // how often they are read again
}

// nobody owns no files: PgBouncer refuses to run as root.
const nobody = 65534

// Start runs a pooler until ctx is done. It has read the credentials once, and listens, when it returns.
func Start(ctx context.Context, o Options) error {
	binary, err := find()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "pgrotator-pool-")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { os.RemoveAll(folder) })
	if err := errors.Join(os.Chmod(folder, 0o755), writeConfig(folder, o), writeUsers(ctx, folder, o)); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, binary, filepath.Join(folder, "pgbouncer.ini"))
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	if err := command.Start(); err != nil {
		return err
	}
	go func() {
		// It ends with ctx, by a signal.
		_ = command.Wait()
	}()
	go readAgain(ctx, folder, o, command.Process)
	return listens(ctx, net.JoinHostPort(o.Listen, strconv.Itoa(o.Port)))
}

// startTimeout is how long a pooler may take until it listens.
const startTimeout = 20 * time.Second

func listens(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for PgBouncer to listen at %s: %w", address, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Installed returns ErrNotInstalled where Start would.
func Installed() error {
	_, err := find()
	return err
}

func find() (string, error) {
	for _, name := range []string{os.Getenv("PGBOUNCER"), "pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNotInstalled
}

func writeConfig(folder string, o Options) error {
	text := fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = %s
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
ignore_startup_parameters = extra_float_digits
logfile = %s
pool_mode = session
server_idle_timeout = 1
`, o.Backend, o.BackendPort, o.Listen, o.Port, filepath.Join(folder, "users.txt"), os.DevNull)
	return os.WriteFile(filepath.Join(folder, "pgbouncer.ini"), []byte(text), 0o644)
}

func writeUsers(ctx context.Context, folder string, o Options) error {
	users, err := o.Credentials(ctx)
	if err != nil {
		return err
	}
	quote := strings.NewReplacer(`"`, `""`)
	var text strings.Builder
	for user, password := range users {
		fmt.Fprintf(&text, "\"%s\" \"%s\"\n", quote.Replace(user), quote.Replace(password))
	}
	temporary := filepath.Join(folder, "users.next")
	if err := os.WriteFile(temporary, []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(folder, "users.txt"))
}

// readAgain has the pooler learn of changed credentials. One that could not be read is read the next time.
func readAgain(ctx context.Context, folder string, o Options, process *os.Process) {
	for tick := time.NewTicker(o.Every); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			if writeUsers(ctx, folder, o) == nil {
				_ = process.Signal(syscall.SIGHUP)
			}
		}
	}
}
