package rotation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// No password of any version, and no RotationToken, is anywhere: not in the log of a server that logs every statement, also those
// that fail, not in pg_stat_statements, not in the function's output at its most talkative.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t, localpg.Options{Major: 15, TLS: true, Settings: map[string]string{
		"log_statement": "all", "log_min_duration_statement": "0", "log_error_verbosity": "verbose",
		"log_parameter_max_length_on_error": "-1", "log_min_error_statement": "debug1", "log_lock_waits": "on",
		"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all"}})
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			env := map[string]string{"LOG_LEVEL": "debug"}
			maps.Copy(env, a.env)
			s := localtest.New(t, pg, env)
			a.prepare(s)
			s.SQL("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "SELECT pg_stat_statements_reset()")
			before := len(serverLog(t, pg)) // the test's own CREATE ROLE stands before
			passwords := []string{s.Credential("AWSCURRENT").Password, localtest.PasswordA, localtest.PasswordMaster}
			for _, rotate := range []func(*testing.T, *localtest.Scene){mustRotate, rotateOnceLocked} {
				rotate(t, s)
				passwords = append(passwords, s.Credential("AWSCURRENT").Password)
			}
			secrets := append(passwords, rotationTokens(s)...)
			mustHoldNone(t, "the server's log", serverLog(t, pg)[before:], secrets)
			mustHoldNone(t, "pg_stat_statements", statements(s), secrets)
			mustHoldNone(t, "the function's output", s.Function.Output(), append(secrets, "SCRAM-SHA-256$"))
		})
	}
}

func mustRotate(t *testing.T, s *localtest.Scene) {
	t.Helper()
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
}

// rotateOnceLocked holds a lock on the user to be set until the function's ALTER ROLE has failed by it.
func rotateOnceLocked(t *testing.T, s *localtest.Scene) {
	t.Helper()
	pending := map[string]string{s.A: s.B, s.B: s.A}[s.Credential("AWSCURRENT").Username]
	before := len(serverLog(t, s.PG))
	conn := pgtest.Superuser(t, s.PG)
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("BEGIN; ALTER ROLE %s CONNECTION LIMIT -1", pending)); err != nil {
		t.Fatal(err)
	}
	failed := make(chan bool, 1)
	go func() {
		failed <- awaitLog(t.Context(), s.PG, before, "canceling statement due to lock timeout")
		conn.Close(t.Context())
	}()
	mustRotate(t, s)
	if !<-failed {
		t.Error("no statement failed")
	}
}

// awaitLog waits until the server's log holds a text beyond an offset.
func awaitLog(ctx context.Context, pg *localpg.Server, from int, text string) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		log, err := pg.Log()
		if err == nil && strings.Contains(log[from:], text) {
			return true
		}
	}
	return false
}

func serverLog(t *testing.T, pg *localpg.Server) string {
	t.Helper()
	log, err := pg.Log()
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func statements(s *localtest.Scene) (all string) {
	s.Ask("SELECT string_agg(query, E'\\n') FROM pg_stat_statements", nil, &all)
	return all
}

func rotationTokens(s *localtest.Scene) []string {
	var tokens []string
	for _, c := range s.AWS.Calls() {
		if c.RotationToken != "" {
			tokens = append(tokens, c.RotationToken)
		}
	}
	return tokens
}

// mustHoldNone looks for secrets as they are, as JSON writes them and as SQL does.
func mustHoldNone(t *testing.T, where, text string, secrets []string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s is empty: nothing is proven", where)
	}
	for _, secret := range secrets {
		inJSON, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{secret, strings.Trim(string(inJSON), `"`), strings.ReplaceAll(secret, "'", "''")} {
			if at := strings.Index(text, form); at >= 0 {
				t.Errorf("%s holds %q: …%s…", where, secret, text[max(0, at-200):min(len(text), at+100)])
			}
		}
	}
}

// PostgreSQL explains an error inside a function by the statement, which holds the verifier: the function's own error must not.
func TestErrorHoldsNoVerifier(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	var definition string
	s.Ask("SELECT pg_get_functiondef($1::regprocedure)", []any{fmt.Sprintf("rotation_%s.set_other_user(text, timestamptz)", s.Shared)}, &definition)
	s.SQL(strings.Replace(definition, "ALTER ROLE %I", "ALTER ROLE missing_%I", 1))
	s.AWS.SetRotationRetries(0, 0)
	err := s.Rotate()
	if err == nil || !strings.Contains(err.Error(), "SQLSTATE 42704") {
		t.Fatalf("the rotation ended with %v", err)
	}
	mustHoldNone(t, "the error", err.Error(), []string{"SCRAM-SHA-256$"})
	mustHoldNone(t, "the function's output", s.Function.Output(), []string{"SCRAM-SHA-256$"})
}
