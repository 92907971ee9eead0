// The demo takes a real PostgreSQL's credentials through rotations with the real Lambda binary, on this machine, while a client
// connects all the time, and tells what happens.
//
//	go run ./rotator/demo          the story, some twenty seconds; exits with 1 where a promise is broken
//	go run ./rotator/demo local    the same stack, left running for commands typed by hand
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the exit code after Ctrl-C, as shells have it: 128 and the signal's number.
const interrupted = 130

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// A pager that is left breaks the pipe on standard output. With SIGPIPE asked for, that does not end the process with the
	// stack's folders still there: the write fails instead (os/signal). A broken connection sends SIGPIPE as well, and means nothing.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	p := newPage(os.Stdout, stop)
	var err error
	switch {
	case len(args) == 0:
		err = (&demo{page: p}).play(ctx)
	case len(args) == 1 && args[0] == "local":
		err = serveLocal(ctx, p)
	default:
		fmt.Fprintln(os.Stderr, "usage: demo [local]")
		return 2
	}
	switch {
	case err == nil && len(args) == 1:
		return 0 // Ctrl-C is how local ends
	case ctx.Err() != nil:
		p.Line("")
		p.Say("Interrupted. Everything that was started is stopped and removed.")
		return interrupted
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}
