// Package localtest sets the scene that most tests play in: a secret of a real PostgreSQL server in a stand-in of AWS, and the
// real bootstrap as the function that rotates it.
package localtest

import (
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
)

// Scene is one secret and what belongs to it. Its roles carry a name of their own, so that scenes share a server.
type Scene struct {
	t        testing.TB
	PG       *localpg.Server
	AWS      *localaws.Stack
	Function *localaws.Function
	Secrets  *secretsmanager.Client
	SecretID string              // the ARN
	Log      *localaws.Publisher // of the server's log, once Cluster has begun it

	Shared, A, B, Master string // role names; which of them exist is the test's choice

	// What the secrets name. They are the server's own, until a test puts something in between.
	Host      string
	Port      int
	Database  string // postgres, until CreateMaster makes one of the scene's own
	Plaintext bool   // "ssl": false
}

var scenes atomic.Int64

// Behind has the secrets name another port of 127.0.0.1, where a proxy stands in front of the server. Without TLS: a proxy that
// reads what passes could not.
func (s *Scene) Behind(port int) {
	s.Host, s.Port, s.Plaintext = "127.0.0.1", port, true
}

// New makes an empty account with one function, whose environment is env. No role and no secret is made yet.
func New(t testing.TB, pg *localpg.Server, env map[string]string) *Scene {
	t.Helper()
	stack, err := localaws.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	shared := fmt.Sprintf("app%d", scenes.Add(1))
	s := &Scene{t: t, PG: pg, AWS: stack, Secrets: secretsmanager.NewFromConfig(stack.Config()),
		Shared: shared, A: shared + "_a", B: shared + "_b", Master: shared + "master",
		Host: "localhost", Port: pg.Port(), Database: "postgres", Plaintext: pg.CAFile() == ""}
	s.Function = s.AddFunction("rotation", env, 0)
	return s
}

// AddFunction adds a function of the built bootstrap that is killed after timeout, 0 = the stand-in's own. Unless env says
// otherwise, it trusts the server's CA.
func (s *Scene) AddFunction(name string, env map[string]string, timeout time.Duration) *localaws.Function {
	s.t.Helper()
	binary, err := localaws.Build(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if env == nil {
		env = map[string]string{}
	}
	if _, given := env["DB_CA_FILE"]; !given && s.PG.CAFile() != "" {
		env = maps.Clone(env)
		env["DB_CA_FILE"] = s.PG.CAFile()
	}
	function, err := s.AWS.AddFunction(localaws.FunctionOptions{Name: name, Binary: binary, Env: env, Timeout: timeout})
	if err != nil {
		s.t.Fatal(err)
	}
	return function
}
