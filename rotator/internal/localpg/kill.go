package localpg

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

// process is a line of the system's process table.
type process struct {
	pid, parent int
	zombie      bool
}

// killTree kills a postmaster and its children, each of which is a session of its own, and waits until they are gone:
// until then their shared memory keeps the cluster from starting again.
func killTree(postmaster *child) error {
	// Stopped, it can start no child between the listing and the kill.
	if err := postmaster.cmd.Process.Signal(syscall.SIGSTOP); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	table, listed := processes()
	var children []int
	for _, p := range table {
		if p.parent == postmaster.pid() {
			children = append(children, p.pid)
		}
	}
	for _, pid := range children {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	if err := postmaster.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-postmaster.exited
	if listed != nil {
		return listed
	}
	return awaitGone(children)
}

func awaitGone(pids []int) error {
	for deadline := time.Now().Add(stopTimeout); ; time.Sleep(pollInterval) {
		table, err := processes()
		if err != nil {
			return err
		}
		alive := slices.DeleteFunc(table, func(p process) bool { return p.zombie || !slices.Contains(pids, p.pid) })
		if len(alive) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of its processes are still there after %s", len(alive), stopTimeout)
		}
	}
}
