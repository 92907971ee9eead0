package localpg

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// The script's standard input names the child that runs now, line by line, an empty line meaning none, and ends when
// this process does, however it ends. (Pdeathsig would follow the thread that started the child, not the process:
// go.dev/issue/27505; and it would leave the folder.)
const watchdogScript = `trap '' HUP INT TERM
while read -r pid; do child=$pid; done
if [ -n "$child" ] && kill -QUIT "$child"; then
	tries=0
	while kill -0 "$child" && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
rm -rf -- "$1"
`

// watchdog stops the server and removes the folder when this process ends without Close.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func watch(f *folder) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "localpg-watchdog", f.path)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/bin:/usr/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.ExtraFiles = []*os.File{f.lock}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the watchdog of PostgreSQL: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the watchdog of PostgreSQL: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

func (w *watchdog) follow(pid int) error {
	_, err := fmt.Fprintln(w.pipe, pid)
	return err
}

// forget follows the child's end at once: its pid may soon be somebody else's.
func (w *watchdog) forget() {
	fmt.Fprintln(w.pipe)
}

// dismiss ends the watchdog, which then finds nothing left to do.
func (w *watchdog) dismiss() error {
	w.pipe.Close()
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("ending the watchdog of PostgreSQL: %w", err)
	}
	return nil
}
