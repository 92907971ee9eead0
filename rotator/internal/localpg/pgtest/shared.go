package pgtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgrotator/rotator/internal/localpg"
)

// shared are the servers that the tests of a package have in common, by the options that made them.
var shared struct {
	sync.Mutex
	servers map[string]func() (*localpg.Server, error)
}

// Shared returns the one server of a package's tests that is made with these options; the first to ask starts it. It ends with Main,
// which the package's TestMain must call.
func Shared(t testing.TB, o localpg.Options) *localpg.Server {
	t.Helper()
	shared.Lock()
	key := fmt.Sprintf("%+v", o)
	start, known := shared.servers[key]
	if !known {
		start = sync.OnceValues(func() (*localpg.Server, error) {
			ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
			defer cancel()
			return localpg.Start(ctx, o)
		})
		if shared.servers == nil {
			shared.servers = map[string]func() (*localpg.Server, error){}
		}
		shared.servers[key] = start
	}
	shared.Unlock()
	server, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of PostgreSQL on port %d ends:\n%s", server.Port(), logEnd(server))
		}
	})
	return server
}

// closeShared ends them all.
func closeShared() error {
	var all []error
	for _, start := range shared.servers {
		if server, err := start(); err == nil {
			all = append(all, server.Close())
		}
	}
	return errors.Join(all...)
}
