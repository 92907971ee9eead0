package localpg

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// child is one of PostgreSQL's programs while it runs. exited is closed once the process has been waited for.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// command runs a program under the account, without this process's PG* variables and locale.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.installation.bin, name), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.Dir = s.folder.path
	cmd.SysProcAttr = s.account.process()
	return cmd
}

// spawn starts a child that the watchdog stops if this process ends first. There is one child at a time.
func (s *Server) spawn(cmd *exec.Cmd) (*child, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(cmd.Path), err)
	}
	c := &child{cmd: cmd, exited: make(chan struct{})}
	followed := s.watchdog.follow(cmd.Process.Pid)
	go func() {
		c.cmd.Wait() // how it ended is told by its log or its output
		s.watchdog.forget()
		close(c.exited)
	}()
	if followed != nil {
		c.cmd.Process.Kill()
		<-c.exited
		return nil, fmt.Errorf("starting %s: its watchdog is gone: %w", filepath.Base(cmd.Path), followed)
	}
	return c, nil
}

// wait kills the child where the context ends first.
func (c *child) wait(ctx context.Context) error {
	select {
	case <-c.exited:
		return nil
	case <-ctx.Done():
		c.cmd.Process.Kill()
		<-c.exited
		return context.Cause(ctx)
	}
}

func (c *child) pid() int { return c.cmd.Process.Pid }
